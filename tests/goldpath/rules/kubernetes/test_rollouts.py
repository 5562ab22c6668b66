"""Defects of a Rollout, its Services and its autoscaler, and correct objects without them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from goldpath.model import Manifest
from goldpath.rules.kubernetes import rollouts

Objects = dict[str, dict[str, Any]]
Change = Callable[[Objects], object]
LABELS = {"app": "api"}
ROLLOUT = "argoproj.io/v1alpha1"


def _rollout(strategy: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {**LABELS, "version": "1"}}}
    return _object("Rollout", "api", ROLLOUT, strategy=strategy, template=template)


def _object(kind: str, name: str, version: str = "v1", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _autoscaler(kind: str, version: str) -> dict[str, Any]:
    reference = {"apiVersion": version, "kind": kind, "name": "api"}
    return _object("HorizontalPodAutoscaler", "api", "autoscaling/v2", scaleTargetRef=reference)


def _blue_green() -> Objects:
    services = {"activeService": "api", "previewService": "api-preview"}
    return {
        "rollout": _rollout({"blueGreen": {**services, "autoPromotionEnabled": False}}),
        "active": _object("Service", "api", selector=LABELS),
        "preview": _object("Service", "api-preview", selector=LABELS),
        "autoscaler": _autoscaler("Rollout", ROLLOUT),
    }


def _canary() -> Objects:
    services = {"stableService": "api", "canaryService": "api-canary"}
    return {
        "rollout": _rollout({"canary": services}),
        "active": _object("Service", "api", selector=LABELS),
        "canary": _object("Service", "api-canary", selector=LABELS),
    }


def _found(objects: Objects) -> list[tuple[str, str]]:
    manifests = [Manifest(f"templates/{name}.yaml", one) for name, one in objects.items()]
    found = rollouts.findings(manifests)
    paths = {f"{one.object['kind']} {one.name}": one.path for one in manifests}
    for finding in found:
        assert finding.path == paths[" ".join(finding.message.split()[:2])]
    return [(finding.rule, finding.message.split(maxsplit=2)[2]) for finding in found]


def _strategy(objects: Objects, kind: str = "blueGreen") -> dict[str, Any]:
    chosen: dict[str, Any] = objects["rollout"]["spec"]["strategy"][kind]
    return chosen


@pytest.mark.parametrize("objects", [_blue_green(), _canary()], ids=["blue-green", "canary"])
def test_a_complete_rollout_violates_no_rule(objects: Objects) -> None:
    assert _found(objects) == []


# The change of the blue-green objects, the rule, and a part of its message.
DEFECTS: dict[str, tuple[Change, str, str]] = {
    "no preview": (
        lambda o: _strategy(o).pop("previewService"),
        "GP102",
        "has no previewService",
    ),
    "one Service for both": (
        lambda o: _strategy(o).update(previewService="api"),
        "GP102",
        "uses the Service api both as activeService and as previewService",
    ),
    "a missing Service": (
        lambda o: o.pop("preview"),
        "GP102",
        "uses the Service api-preview as previewService, which the chart does not have",
    ),
    "promotion without a person": (
        lambda o: _strategy(o).update(autoPromotionEnabled=True),
        "GP103",
        "autoPromotionEnabled is true",
    ),
    "promotion left to the default": (
        lambda o: _strategy(o).pop("autoPromotionEnabled"),
        "GP103",
        "autoPromotionEnabled is not set",
    ),
    "promotion after a while": (
        lambda o: _strategy(o).update(autoPromotionSeconds=60),
        "GP103",
        "promotes automatically after 60 seconds",
    ),
    "a window for going back": (
        lambda o: o["rollout"]["spec"].update(rollbackWindow={"revisions": 3}),
        "GP103",
        "has a rollbackWindow",
    ),
    "autoscaler of another kind": (
        lambda o: o.update(autoscaler=_autoscaler("Deployment", "apps/v1")),
        "GP104",
        "scales the Deployment api (apps/v1), but api is a Rollout",
    ),
    "autoscaler of another group": (
        lambda o: o.update(autoscaler=_autoscaler("Rollout", "apps/v1")),
        "GP104",
        "scales the Rollout api (apps/v1), but api is a Rollout (argoproj.io/v1alpha1)",
    ),
    "autoscaler of nothing": (
        lambda o: o["autoscaler"]["spec"]["scaleTargetRef"].update(name="other"),
        "GP104",
        "scales the Rollout other (argoproj.io/v1alpha1), which the chart does not have",
    ),
    "autoscaler beside replicas": (
        lambda o: o["rollout"]["spec"].update(replicas=3),
        "GP105",
        "which sets replicas",
    ),
    "selector of no pod": (
        lambda o: o["active"]["spec"].update(selector={**LABELS, "slot": "blue"}),
        "GP106",
        "selects the pods of no workload",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found_and_a_correct_rollout_is_not(defect: str) -> None:
    change, rule, text = DEFECTS[defect]
    objects = _blue_green()
    assert _found(copy.deepcopy(objects)) == []
    change(objects)
    [(found, message)] = _found(objects)
    assert found == rule
    assert text in message


def test_a_canary_has_two_services_too() -> None:
    objects = _canary()
    _strategy(objects, "canary").update(canaryService="api")
    [(rule, message)] = _found(objects)
    assert rule == "GP102"
    assert message == "uses the Service api both as stableService and as canaryService"


def test_a_canary_needs_no_service_and_no_promotion_settings() -> None:
    objects = _canary()
    _strategy(objects, "canary").clear()
    assert _found(objects) == []


def test_replicas_without_an_autoscaler_are_accepted() -> None:
    objects = _blue_green()
    objects["rollout"]["spec"]["replicas"] = 0
    assert [rule for rule, _ in _found(objects)] == ["GP105"]
    del objects["autoscaler"]
    assert _found(objects) == []


def test_a_service_must_not_select_the_pods_of_a_job() -> None:
    objects = _blue_green()
    objects["rollout"]["kind"] = "Job"
    rules = [rule for rule, _ in _found(objects)]
    assert rules == ["GP106", "GP106", "GP104"]


def test_a_service_without_a_selector_is_ignored() -> None:
    objects = _blue_green()
    objects["external"] = _object("Service", "external", externalName="example.com")
    assert _found(objects) == []


def test_a_rollout_may_use_the_pod_template_of_a_deployment() -> None:
    objects = _blue_green()
    template = objects["rollout"]["spec"].pop("template")
    objects["deployment"] = _object("Deployment", "pods", "apps/v1", template=template)
    assert _found(objects) == []
