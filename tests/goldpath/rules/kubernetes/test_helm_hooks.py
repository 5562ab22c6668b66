"""The objects that a hook needs are earlier hooks, or exist before the install."""

from collections.abc import Mapping
from typing import Any

import pytest

from goldpath.model import Manifest
from goldpath.rules.kubernetes import helm_hooks

BOTH = "pre-install,pre-upgrade"


def _object(kind: str, name: str, hook: str = "", weight: object = None, **more: Any) -> Manifest:
    annotations = {"helm.sh/hook": hook} if hook else {}
    if weight is not None:
        annotations["helm.sh/hook-weight"] = str(weight)
    metadata = {"name": name, "annotations": annotations}
    return Manifest(f"templates/{name}.yaml", {"kind": kind, "metadata": metadata, **more})


def _job(pod: Mapping[str, Any], hook: str = BOTH, weight: object = "-5") -> Manifest:
    spec = {"template": {"spec": {"containers": [{"name": "psql"}], **pod}}}
    return _object("Job", "db-init", hook, weight, spec=spec)


SCRIPTS = {"volumes": [{"name": "scripts", "configMap": {"name": "scripts"}}]}


def _messages(*manifests: Manifest, existing: tuple[str, ...] = ()) -> list[str]:
    found = helm_hooks.findings(manifests, existing)
    assert {finding.path for finding in found} <= {"templates/db-init.yaml"}
    return [finding.message for finding in found]


def test_an_earlier_hook_of_the_same_events_exists() -> None:
    assert _messages(_job(SCRIPTS), _object("ConfigMap", "scripts", BOTH, -15)) == []


def test_an_object_that_is_not_a_hook_does_not_exist_before_an_install() -> None:
    assert _messages(_job(SCRIPTS), _object("ConfigMap", "scripts")) == [
        "Job db-init needs the ConfigMap scripts at pre-install, which is not a hook"
    ]


def test_a_hook_with_a_higher_weight_comes_too_late() -> None:
    assert _messages(_job(SCRIPTS), _object("ConfigMap", "scripts", BOTH, 10)) == [
        "Job db-init needs the ConfigMap scripts at pre-install, "
        "which Helm creates later: its hook weight is 10"
    ]


def test_weights_are_numbers_and_not_text() -> None:
    assert _messages(_job(SCRIPTS, weight=10), _object("ConfigMap", "scripts", BOTH, 9)) == []


def test_a_hook_without_a_weight_or_with_an_invalid_weight_has_weight_0() -> None:
    for weight in (None, "early"):
        scripts = _object("ConfigMap", "scripts", BOTH, weight)
        assert _messages(_job(SCRIPTS, weight=1), scripts) == []
        assert len(_messages(_job(SCRIPTS, weight=-1), scripts)) == 1


def test_hooks_of_one_weight_run_in_the_order_of_their_names() -> None:
    late = {"volumes": [{"configMap": {"name": "scripts"}}, {"configMap": {"name": "boot"}}]}
    objects = [_object("ConfigMap", name, BOTH, -5) for name in ("scripts", "boot")]
    assert [text.split(" at ")[0] for text in _messages(_job(late), *objects)] == [
        "Job db-init needs the ConfigMap scripts"
    ]


def test_a_job_runs_after_a_service_account_of_its_weight_and_name() -> None:
    pod = {"serviceAccountName": "db-init"}
    assert _messages(_job(pod), _object("ServiceAccount", "db-init", BOTH, -5)) == []


def test_a_secret_for_the_install_only_is_missing_at_an_upgrade() -> None:
    pod = {"volumes": [{"secret": {"secretName": "admin"}}]}
    assert _messages(_job(pod), _object("Secret", "admin", "pre-install", -10)) == [
        "Job db-init needs the Secret admin at pre-upgrade, which is not a hook of this event"
    ]


def test_an_earlier_hook_may_be_deleted_after_success() -> None:
    scripts = _object("ConfigMap", "scripts", BOTH, -15)
    policy = {"helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
    scripts.object["metadata"]["annotations"].update(policy)
    assert _messages(_job(SCRIPTS), scripts) == []


def test_events_are_read_as_helm_reads_them() -> None:
    scripts = _object("ConfigMap", "scripts", "Pre-Install , PRE-UPGRADE", -15)
    assert _messages(_job(SCRIPTS), scripts) == []


def test_an_object_of_another_kind_with_the_same_name_does_not_count() -> None:
    assert len(_messages(_job(SCRIPTS), _object("Secret", "scripts", BOTH, -15))) == 1


def test_an_object_that_exists_before_the_install_counts() -> None:
    assert len(_messages(_job(SCRIPTS))) == 1
    assert _messages(_job(SCRIPTS), existing=("scripts",)) == []


@pytest.mark.parametrize("event", ["post-install", "post-upgrade", "pre-delete", "test"])
def test_a_complete_release_has_its_regular_objects(event: str) -> None:
    assert _messages(_job(SCRIPTS, event), _object("ConfigMap", "scripts")) == []
    assert len(_messages(_job(SCRIPTS, event))) == 1


@pytest.mark.parametrize("event", ["pre-install", "pre-upgrade", "post-delete"])
def test_an_incomplete_release_may_lack_its_regular_objects(event: str) -> None:
    scripts = _object("ConfigMap", "scripts")
    assert _messages(_job(SCRIPTS, event), scripts) == [
        f"Job db-init needs the ConfigMap scripts at {event}, which is not a hook"
    ]


def test_an_object_that_is_not_a_hook_may_need_anything() -> None:
    assert _messages(_job(SCRIPTS, hook="")) == []


REFERENCES: dict[str, tuple[str, dict[str, Any]]] = {
    "serviceAccountName": ("ServiceAccount", {"serviceAccountName": "x"}),
    "imagePullSecrets": ("Secret", {"imagePullSecrets": [{"name": "x"}]}),
    "volume of a Secret": ("Secret", {"volumes": [{"secret": {"secretName": "x"}}]}),
    "volume of a ConfigMap": ("ConfigMap", {"volumes": [{"configMap": {"name": "x"}}]}),
    "volume of a claim": (
        "PersistentVolumeClaim",
        {"volumes": [{"persistentVolumeClaim": {"claimName": "x"}}]},
    ),
    "projected Secret": (
        "Secret",
        {"volumes": [{"projected": {"sources": [{"secret": {"name": "x"}}]}}]},
    ),
    "projected ConfigMap": (
        "ConfigMap",
        {"volumes": [{"projected": {"sources": [{"configMap": {"name": "x"}}]}}]},
    ),
    "envFrom a Secret": ("Secret", {"containers": [{"envFrom": [{"secretRef": {"name": "x"}}]}]}),
    "envFrom a ConfigMap": (
        "ConfigMap",
        {"containers": [{"envFrom": [{"configMapRef": {"name": "x"}}]}]},
    ),
    "env of a Secret": (
        "Secret",
        {"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "x"}}}]}]},
    ),
    "env of a ConfigMap in an init container": (
        "ConfigMap",
        {"initContainers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "x"}}}]}]},
    ),
}


@pytest.mark.parametrize("reference", REFERENCES)
def test_every_reference_that_keeps_a_pod_from_starting_counts(reference: str) -> None:
    kind, pod = REFERENCES[reference]
    assert _messages(_job(pod)) == [
        f"Job db-init needs the {kind} x at pre-install, which the chart does not have"
    ]


def test_a_pod_and_a_cron_job_are_checked_as_well() -> None:
    pod = {"containers": [{}], "serviceAccountName": "x"}
    for spec in (pod, {"jobTemplate": {"spec": {"template": {"spec": pod}}}}):
        hook = _object("Any", "db-init", BOTH, 0, spec=spec)
        assert len(_messages(hook)) == 1


def test_optional_references_and_default_objects_need_no_hook() -> None:
    volumes = [
        {"configMap": {"name": "x", "optional": True}},
        {"configMap": {"name": "kube-root-ca.crt"}},
    ]
    assert _messages(_job({"serviceAccountName": "default", "volumes": volumes})) == []
