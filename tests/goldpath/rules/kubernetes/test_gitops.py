"""Settings with which Argo CD and Flux wait for a promotion, and those with which they do not."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldpath.model import Case, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.kubernetes import gitops
from testing import trees, yaml_text

ARGO_CD, FLUX = "deploy/argocd/production.yaml", "deploy/flux/production/release.yaml"
STRATEGY = {"name": "RemediateOnFailure"}


def _manifest(render: trees.Renderer, path: str) -> Manifest:
    """Return an object of a copy, for the test to change."""
    root = render(Case("gitops", {"gitops": path.split("/")[1]})).root
    return Manifest(path, copy.deepcopy(yaml_text.load((root / path).read_text())))


def _messages(manifest: Manifest, *rollouts: Manifest) -> list[str]:
    found = gitops.findings([manifest], lambda: rollouts)
    assert {(one.rule, one.path) for one in found} <= {("GP108", manifest.path)}
    return [one.message for one in found]


def _merge(into: Any, change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


@pytest.mark.parametrize("path", [ARGO_CD, FLUX])
def test_the_gitops_objects_of_a_copy_do_not_bypass_promotion(
    path: str, render: trees.Renderer
) -> None:
    assert _messages(_manifest(render, path)) == []


@pytest.mark.parametrize("option", ["ServerSideApply=true", "Replace=true", "Force=true"])
def test_an_option_that_overwrites_selectors_is_found(option: str, render: trees.Renderer) -> None:
    manifest = _manifest(render, ARGO_CD)
    manifest.object["spec"]["syncPolicy"]["syncOptions"].append(option)
    (message,) = _messages(manifest)
    assert option in message


def test_a_selector_that_is_not_ignored_is_found(render: trees.Renderer) -> None:
    manifest = _manifest(render, ARGO_CD)
    manifest.object["spec"]["ignoreDifferences"][0]["jsonPointers"] = ["/spec/type"]
    (message,) = _messages(manifest)
    assert message.endswith(f"ignoreDifferences does not have {gitops.HASH} of all Services")


BLUE_GREEN = {"blueGreen": {"activeService": "payments-api", "previewService": "payments-next"}}
CANARY = {"canary": {"canaryService": "payments-part"}}


def _rollout(strategy: Mapping[str, Any]) -> Manifest:
    return Manifest("rollout.yaml", {"kind": "Rollout", "spec": {"strategy": strategy}})


@pytest.mark.parametrize(
    ("narrower", "passes"),
    [
        ([{"name": "payments-api"}], False),
        ([{"name": "payments-next"}], False),
        ([{"name": "payments-api"}, {"name": "payments-next"}], True),
        ([{"name": "payments-api"}, {"name": "payments-api-preview"}], False),
        ([{"name": "payments-part"}], True),
        ([{"name": "payments-api"}, {}], True),
        ([{"name": "*"}], False),
        # A Rollout that is not in the copy.
        ([{"name": "orders"}], False),
        ([{"name": "orders"}, {"name": "orders-preview"}], True),
        ([{"namespace": "elsewhere"}], False),
        ([{"namespace": "payments-api"}], True),
        ([{"group": "apps"}], False),
        ([{"group": "*", "kind": "*"}], True),
    ],
)
def test_ignoring_the_selectors_of_some_services_only_is_found(
    narrower: list[dict[str, str]], passes: bool, render: trees.Renderer
) -> None:
    manifest = _manifest(render, ARGO_CD)
    (entry,) = manifest.object["spec"]["ignoreDifferences"]
    manifest.object["spec"]["ignoreDifferences"] = [{**entry, **one} for one in narrower]
    messages = _messages(manifest, _rollout(BLUE_GREEN), _rollout(CANARY))
    found = [message for message in messages if "ignoreDifferences does not have" in message]
    assert found == [] if passes else len(found) == 1


def test_the_services_of_a_rollout_are_read_from_the_chart_of_the_copy(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(Case("gitops", {"gitops": "argocd"}), tmp_path / "payments-api").root
    (helpers,) = root.glob("deploy/helm/*/templates/_helpers.tpl")
    helpers.write_text(helpers.read_text().replace("}}-preview\n", "}}-next\n"))
    (values,) = root.glob("deploy/helm/*/ci/full-values.yaml")
    values.write_text(values.read_text().replace("fullnameOverride: ci\n", ""))
    for second, count in (("payments-api-next", 0), ("payments-api-preview", 1)):
        manifest = _manifest(render, ARGO_CD)
        (entry,) = manifest.object["spec"]["ignoreDifferences"]
        manifest.object["spec"]["ignoreDifferences"] = [
            {**entry, "name": name} for name in ("payments-api", second)
        ]
        (root / ARGO_CD).write_text(yaml.safe_dump(dict(manifest.object)))
        tree = Tree(root)
        assert helpers in gitops.CHECK.select(tree)
        assert len(gitops.CHECK.run(tree, [])) == count


def test_a_sync_that_overwrites_ignored_fields_is_found(render: trees.Renderer) -> None:
    manifest = _manifest(render, ARGO_CD)
    manifest.object["spec"]["syncPolicy"]["syncOptions"].remove("RespectIgnoreDifferences=true")
    (message,) = _messages(manifest)
    assert "without RespectIgnoreDifferences=true" in message


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"install": {"serverSideApply": True}}, "install.serverSideApply"),
        ({"upgrade": {"serverSideApply": "auto"}}, "upgrade.serverSideApply"),
        ({"rollback": {"serverSideApply": "enabled"}}, "rollback.serverSideApply"),
        ({"upgrade": {"force": True}}, "upgrade.force"),
        ({"rollback": {"force": True}}, "rollback.force"),
        ({"install": {"disableWait": True}, "waitStrategy": {"name": "poller"}}, "waitStrategy"),
        ({"upgrade": {"strategy": STRATEGY, "remediation": {"retries": 3}}}, "upgrade.remediation"),
        ({"driftDetection": {"mode": "enabled"}}, "driftDetection"),
    ],
)
def test_a_setting_of_flux_that_bypasses_promotion_is_found(
    change: Mapping[str, Any], part: str, render: trees.Renderer
) -> None:
    manifest = _manifest(render, FLUX)
    _merge(manifest.object["spec"], change)
    (message,) = _messages(manifest)
    assert part in message


@pytest.mark.parametrize(
    ("version", "kind"),
    [("argoproj.io/v1alpha1", "Application"), ("helm.toolkit.fluxcd.io/v2", "HelmRelease")],
)
def test_a_missing_field_has_its_default(version: str, kind: str) -> None:
    assert _messages(Manifest("a.yaml", {"apiVersion": version, "kind": kind}))


@pytest.mark.parametrize(
    ("version", "kind"),
    [("app.k8s.io/v1beta1", "Application"), ("helm.fluxcd.io/v1", "HelmRelease")],
)
def test_an_object_of_the_same_kind_in_another_group_is_ignored(version: str, kind: str) -> None:
    assert _messages(Manifest("a.yaml", {"apiVersion": version, "kind": kind})) == []


@pytest.mark.parametrize("path", [ARGO_CD, FLUX])
def test_a_copy_without_rollouts_has_no_settings_for_them_and_no_findings(
    path: str, render: trees.Renderer
) -> None:
    answers = {"gitops": path.split("/")[1], "strategy": "rolling"}
    tree = Tree(render(Case("gitops-rolling", answers)).root)
    text = (tree.root / path).read_text()
    assert not any(word in text for word in ("ignoreDifferences", "waitStrategy", "Rollout"))
    assert gitops.CHECK.run(tree, gitops.CHECK.select(tree)) == []
