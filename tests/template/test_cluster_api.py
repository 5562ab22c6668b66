"""The way of a cluster by make, with programs instead of clusters that record their calls."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import json5
import pytest
import yaml

from goldpath.rendering.questionnaire import Questionnaire
from goldpath.rules.kubernetes import cluster_objects
from goldpath.runtime import process
from goldpath.template.copier_yml import load
from testing import ROOT, trees
from testing.cluster_api import CASES, FOLDER, files, manifests, of, values

NOTE = '#!/bin/sh\necho "{name} $*" >> {folder}/calls\n'
# As clusterctl prints it, for two of the objects.
PRINTED = """apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata:
  name: payments-api
"""
BODIES = {
    # It also notes which variables it was given.
    "clusterctl": 'case "$1" in generate) env | sort >> {folder}/given; cat {folder}/objects ;;\n'
    'get) echo "kind: Config" ;; esac\n',
    "kubectl": """case "$*" in
"config current-context") echo kind-management ;;
*"get "*controlplanes.*.spec.version*) printf %s "{live}" ;;
*"get awsmanagedcontrolplanes"*.status.version*) printf %s "{upgraded}" ;;
*"get clusters.cluster.x-k8s.io --all-namespaces"*) printf "%s\n" "{others}" ;;
*"get clusters.cluster.x-k8s.io"*) exit {missing} ;;
*"get secret "*-user-kubeconfig*) echo "kind: Config" ;;
*--dry-run=server*) cat > {folder}/tried; exit {refused} ;;
*"apply --server-side"*) cat > {folder}/applied ;;
esac
""",
    "clusterawsadm": 'case "$*" in *encode-as-profile) echo c2VjcmV0 ;; esac\n',
    "aws": "",
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
VERBS = ("init", "iam", "credentials", "key", "render", "apply", "kubeconfig", "status",
         "upgrade", "delete")  # fmt: skip
AWS = CASES["aws"]
Programs = Callable[..., Path]
Make = Callable[..., process.Result]


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Make a folder of programs that behave as told; those of `without` are missing."""

    def make(
        without: str = "", live: str = "", missing: int = 0, refused: int = 0, others: str = "",
        upgraded: str = "", objects: str = PRINTED,
    ) -> Path:  # fmt: skip
        (tmp_path / "objects").write_text(objects)
        (tmp_path / "calls").write_text("")
        (tmp_path / "bin").mkdir(exist_ok=True)
        for name, body in BODIES.items():
            program = tmp_path / "bin" / name
            filled = {"folder": tmp_path, "live": live, "missing": missing, "refused": refused,
                      "others": others, "upgraded": upgraded}  # fmt: skip
            text = NOTE.replace("{name}", name) + body
            for key, value in filled.items():
                text = text.replace(f"{{{key}}}", str(value))
            program.write_text(text)
            program.chmod(0o755)
            if name == without:
                program.unlink()
        for name in ("sh", "bash", "make", "env", "cat", "sort", "grep", "sed", "awk", "cut", "tr",
                     "head", "dirname", "mkdir", "mv", "rm", "git", "date"):  # fmt: skip
            link = tmp_path / "bin" / name
            if not link.exists():
                link.symlink_to(process.run(["which", name]).stdout.strip())
        return tmp_path

    return make


@pytest.fixture
def make(render: trees.Renderer, tmp_path: Path) -> Make:
    """Run a make target of a copy, with values changed; None takes a line away."""

    def run(
        folder: Path, target: str, *arguments: str, case: str = "aws",
        changes: dict[str, str | None] | None = None, lines: str = "", **env: str
    ) -> process.Result:  # fmt: skip
        root = render(CASES[case]).root
        text = (root / FOLDER / "cluster.env").read_text()
        for name, value in (changes or {}).items():
            line = "" if value is None else f"{name}={value}"
            text, count = re.subn(rf"^{name}=.*$", line, text, flags=re.M)
            assert count == 1, name
        (tmp_path / "values.env").write_text(text + lines)
        own = {"PATH": str(folder / "bin"), "CLUSTER_ENV": str(tmp_path / "values.env"), **env}
        for name in (*CREDENTIALS, "AWS_PROFILE"):
            own.setdefault(name, "")
        command = ["make", "-s", f"cluster-{target}", *arguments]
        return process.run(command, cwd=root, env=own, accept=(0, 2))

    return run


def _calls(folder: Path, start: str = "") -> list[str]:
    lines = (folder / "calls").read_text().splitlines()
    return [line for line in lines if line.startswith(start)]


def _refused(done: process.Result, status: int = 2) -> str:
    """Return the one sentence of a refusal."""
    said = [line for line in done.stderr.splitlines() if line.startswith("cluster-api: ")]
    assert f"Error {status}" in done.stderr, done.stderr
    (sentence,) = said
    return sentence.removeprefix("cluster-api: ")


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("CLUSTER_NAME", "a.b", "letter first and no hyphen last"),
        ("CLUSTER_NAME", "9lives", "letter first and no hyphen last"),
        ("CLUSTER_NAME", "x" * 41, "letter first and no hyphen last"),
        ("NAMESPACE", "Shop", "1 to 63"),
        ("KUBERNETES_VERSION", "v1.20.5", "accepted: v1.31.x to v1.37.x"),
        ("KUBERNETES_VERSION", "v1.99.0", "accepted: v1.31.x to v1.37.x"),
        ("KUBERNETES_VERSION", "v1.35", "accepted: v1.31.x to v1.37.x"),
        ("KUBERNETES_VERSION", "1.35.8", "accepted: v1.31.x to v1.37.x"),
        ("CONTROL_PLANE_MACHINE_COUNT", "2", "an even number gains nothing"),
        ("CONTROL_PLANE_MACHINE_COUNT", "0", "an even number gains nothing"),
        ("CONTROL_PLANE_MACHINE_COUNT", "three", "accepted: 1, 3, 5 and 7"),
        ("WORKER_MACHINE_COUNT_PER_ZONE", "-1", "0 to 999"),
        ("WORKER_MACHINE_COUNT", "2", "3 to 12"),
        ("AWS_REGION", "ap-northeast-9", "a commercial AWS region outside China"),
        ("AWS_REGION", "cn-north-1", "a commercial AWS region outside China"),
        ("AWS_AVAILABILITY_ZONE_2", "ap-northeast-2a", "again; the zones must differ"),
        ("AWS_AVAILABILITY_ZONE_3", "ap-northeast-2b", "again; the zones must differ"),
        ("AWS_AVAILABILITY_ZONE_3", "eu-central-1a", "accepted: a zone of AWS_REGION"),
        ("AWS_AVAILABILITY_ZONE_3", None, "is missing."),
        ("AWS_SSH_KEY_NAME", "", "the name of a key pair"),
        ("AWS_NODE_MACHINE_TYPE", "t3.gigantic", "an instance type of EC2"),
        ("AWS_CONTROL_PLANE_MACHINE_TYPE", "large", "an instance type of EC2"),
        ("MACHINE_TEMPLATE_REVISION", "0", "a whole number from 1"),
        ("AWS_IMAGE_LOOKUP_ORG", "12345", "twelve digits"),
        ("CALICO_VERSION", "v3.31.4", "v3.32.0 or newer"),
        ("AWS_CLOUD_CONTROLLER_MANAGER_VERSION", "v1.36.1", "newer than KUBERNETES_VERSION"),
        ("AWS_EBS_CSI_DRIVER_CHART_VERSION", "latest", "a version such as 2.64.0"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(
    name: str, value: str | None, part: str, programs: Programs, make: Make
) -> None:
    folder = programs()
    sentence = _refused(make(folder, "apply", changes={name: value}, **CREDENTIALS))
    assert name in sentence
    assert part in sentence
    assert not value or value in sentence
    assert _calls(folder) == []


@pytest.mark.parametrize("name", sorted({"CLUSTER_NAME", "AWS_SSH_KEY_NAME", "CALICO_VERSION"}))
def test_a_missing_value_is_named_even_if_the_shell_has_one(
    name: str, programs: Programs, make: Make
) -> None:
    folder = programs()
    done = make(folder, "render", changes={name: None}, **{name: "from-the-shell"})
    assert _refused(done).endswith(f"has no {name}.")
    assert _calls(folder) == []


@pytest.mark.parametrize("line", ["export A=b", "A = b", "A='b'", "A=$(touch harm)", "a=b", "A"])
def test_a_line_that_is_no_plain_value_is_refused_and_not_run(
    line: str, programs: Programs, make: Make, render: trees.Renderer
) -> None:
    done = make(programs(), "check", lines=f"{line}\n")
    assert "is not NAME=VALUE" in _refused(done)
    assert not (render(AWS).root / "harm").exists()


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ("A=b\nA=c\n", "sets A twice"),
        ("NAMESPACE=other\n", "sets NAMESPACE twice"),
        ("A=b\r\n", "Unix line ends"),
        ("A=b \n", "with letters, digits and"),
    ],
)
def test_a_line_of_which_it_is_not_plain_what_counts_is_refused(
    lines: str, part: str, programs: Programs, make: Make
) -> None:
    assert part in _refused(make(programs(), "check", lines=lines))


def test_a_missing_values_file_is_the_only_thing_reported(programs: Programs, make: Make) -> None:
    done = make(programs(), "check", "CLUSTER_ENV=no such.env")
    assert _refused(done) == "there is no no such.env; CLUSTER_ENV names the file of values."
    assert "grep" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
        "export AWS_B64ENCODED_CREDENTIALS=W2RlZmF1bHRd",
        "AWS_SESSION_TOKEN=abc",
        "# AKIAIOSFODNN7EXAMPLE",
        "NOTE=ASIAIOSFODNN7EXAMPLE",
    ],
)
def test_a_credential_in_the_values_is_refused_and_not_repeated(
    line: str, programs: Programs, make: Make
) -> None:
    folder = programs()
    sentence = _refused(make(folder, "check", lines=f"{line}\n"))
    assert "credentials come from your shell" in sentence
    assert "values.env, line " in sentence
    assert line.rsplit("=", maxsplit=1)[-1].strip("# ") not in sentence
    assert _calls(folder) == []


def test_a_credential_in_a_manifest_fails_the_lint(
    render: trees.Renderer, programs: Programs, tmp_path: Path
) -> None:
    root = render.into(AWS, tmp_path / "payments-api").root
    env = {"PATH": f"{programs() / 'bin'}:/usr/bin:/bin"}
    lint = ["scripts/lint.sh"]
    assert "cluster-check" not in process.run(lint, cwd=root, env=env, accept=(0, 1)).stdout
    secret = "AKIAIOSFODNN7EXAMPLE"  # noqa: S105  # the example of AWS's own manual
    (root / FOLDER / "addons/own.yaml").write_text(f"a:\n  key: {secret}\n")
    done = process.run(lint, cwd=root, env=env, accept=(0, 1))
    assert done.status == 1
    assert "deploy/cluster-api/addons/own.yaml, line 2, has credentials of AWS" in done.stderr
    assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize("path", [".env", ".secrets/a.kubeconfig", "a.kubeconfig", "capi.pem"])
def test_git_ignores_what_holds_credentials(
    path: str, render: trees.Renderer, tmp_path: Path
) -> None:
    (tmp_path / ".gitignore").write_text((render(AWS).root / ".gitignore").read_text())
    trees.git(tmp_path, "init", "--quiet")
    assert trees.git(tmp_path, "check-ignore", path).strip() == path


@pytest.mark.parametrize(
    ("verb", "program"),
    [
        ("init", "clusterctl"), ("init", "kubectl"), ("init", "clusterawsadm"),
        ("iam", "clusterawsadm"), ("credentials", "clusterawsadm"), ("credentials", "kubectl"),
        ("key", "aws"), ("render", "clusterctl"), ("apply", "kubectl"),
        ("apply", "clusterctl"), ("kubeconfig", "clusterctl"), ("status", "clusterctl"),
        ("upgrade", "kubectl"), ("delete", "kubectl"),
    ],
)  # fmt: skip
def test_a_missing_program_is_named_with_its_source(
    verb: str, program: str, programs: Programs, make: Make
) -> None:
    folder = programs(without=program)
    sentence = _refused(make(folder, verb, **CREDENTIALS))
    assert re.fullmatch(rf"{program} is not on PATH; see https://\S+", sentence)
    assert _calls(folder) == []


@pytest.mark.parametrize("verb", ["init", "iam", "credentials", "key"])
def test_missing_credentials_are_named_before_anything_is_sent(
    verb: str, programs: Programs, make: Make
) -> None:
    folder = programs()
    assert "no credentials of AWS; set AWS_PROFILE" in _refused(make(folder, verb))
    assert _calls(folder) == []


def test_init_installs_the_pinned_providers_with_machine_pools(
    programs: Programs, make: Make, render: trees.Renderer
) -> None:
    folder = programs()
    done = make(folder, "init", **CREDENTIALS)
    assert done.status == 0, done.stderr
    assert "(management cluster: kind-management)" in done.stdout
    assert "c2VjcmV0" not in done.stdout + done.stderr + "".join(_calls(folder))
    lines = (render(AWS).root / FOLDER / "providers.env").read_text().splitlines()
    pinned = dict(line.split("=") for line in lines if not line.startswith("#"))
    (call,) = _calls(folder, "clusterctl init")
    for flag, provider, name in (
        ("core", "cluster-api", ""), ("bootstrap", "kubeadm", ""), ("control-plane", "kubeadm", ""),
        ("infrastructure", "aws", "_PROVIDER_AWS"), ("addon", "helm", "_ADDON_PROVIDER_HELM"),
    ):  # fmt: skip
        assert f"--{flag} {provider}:{pinned[f'CLUSTER_API{name}_VERSION']}" in call


@pytest.mark.parametrize("left", ["", "AWS_REGION=ap-northeast-2\n"])
def test_init_for_docker_wants_no_credentials(left: str, programs: Programs, make: Make) -> None:
    # What is left in the values of a copy that had another answer of `cluster` before.
    folder = programs(without="clusterawsadm")
    assert make(folder, "init", case="docker", lines=left).status == 0
    (call,) = _calls(folder, "clusterctl init")
    assert re.search(r"--core cluster-api:(\S+) .*--infrastructure docker:\1 ", call)


def test_the_key_is_a_public_one(programs: Programs, make: Make, tmp_path: Path) -> None:
    folder, key = programs(), tmp_path / "key"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    for public, part in ((key, "is no public key"), (tmp_path / "x", "is no public key")):
        assert part in _refused(make(folder, "key", f"PUBLIC_KEY={public}", **CREDENTIALS))
    assert _calls(folder, "aws") == []
    key.write_text("ssh-ed25519 AAAA you@example.org\n")
    assert make(folder, "key", f"PUBLIC_KEY={key}", **CREDENTIALS).status == 0
    (call,) = _calls(folder, "aws ec2 import-key-pair")
    assert "--region ap-northeast-2 --key-name capi-acme" in call
    assert f"fileb://{key}" in call


def test_every_file_gets_the_values_and_nothing_of_the_shell(
    programs: Programs, make: Make, render: trees.Renderer
) -> None:
    folder = programs()
    done = make(folder, "render", changes={"CLUSTER_NAME": "other"}, CLUSTER_NAME="shell")
    assert done.status == 0, done.stderr
    given = (folder / "given").read_text().splitlines()
    calls = _calls(folder, "clusterctl generate yaml --from")
    root = render(AWS).root
    assert [call.split()[-1] for call in calls] == [str(f.relative_to(root)) for f in files(root)]
    assert given.count("CLUSTER_NAME=other") == len(calls)
    assert "CLUSTER_NAME=shell" not in given


def test_the_default_of_an_own_file_is_not_replaced_by_the_shell(
    programs: Programs, make: Make, tmp_path: Path
) -> None:
    folder, own = programs(), tmp_path / "own.yaml"
    assert f"there is no {own}, which" in _refused(make(folder, "render", f"CLUSTER_FILES={own}"))
    own.write_text("a: ${EXTRA:=default}\nb: ${CLUSTER_NAME}\n")
    done = make(folder, "render", f"CLUSTER_FILES={own}", EXTRA="shell")
    assert done.status == 0, done.stderr
    given = (folder / "given").read_text().splitlines()
    assert "CLUSTER_NAME=payments-api" in given
    assert "EXTRA=shell" not in given


def test_apply_tries_all_objects_before_it_changes_one(programs: Programs, make: Make) -> None:
    folder = programs(refused=1)
    assert "none was changed" in _refused(make(folder, "apply"), 1)
    assert not (folder / "applied").exists()
    folder = programs()
    assert make(folder, "apply").status == 0
    assert (folder / "applied").read_bytes() == (folder / "tried").read_bytes()
    assert (folder / "applied").read_text().count("kind: Cluster") == 4  # one for each file
    assert all("--server-side" in call for call in _calls(folder, "kubectl apply"))


@pytest.mark.parametrize(
    ("others", "part"),
    [
        ("payments-api staging", "has cluster staging, and both would share their add-ons"),
        ("staging payments-api", "has a cluster payments-api, too; both would own"),
    ],
)
def test_a_cluster_shares_neither_name_nor_namespace_with_another(
    others: str, part: str, programs: Programs, make: Make
) -> None:
    folder = programs(others=f"elsewhere other\n{others}")
    assert part in _refused(make(folder, "apply"))
    assert _calls(folder, "kubectl apply") == []
    assert make(programs(others="elsewhere other\npayments-api payments-api"), "apply").status == 0


@pytest.mark.parametrize("verb", ["render", "apply", "upgrade"])
def test_nothing_is_sent_if_one_file_cannot_be_rendered(
    verb: str, programs: Programs, make: Make, tmp_path: Path
) -> None:
    folder, own, good = programs(live="v1.34.11"), tmp_path / "own.yaml", tmp_path / "good.yaml"
    clusterctl = folder / "bin/clusterctl"
    refusing = 'case "$*" in *own.yaml) echo "missing closing brace" >&2; exit 1 ;; esac\n'
    clusterctl.write_text(clusterctl.read_text() + refusing)
    own.write_text("a: ${X\n")
    good.write_text("a: ${CLUSTER_NAME}\n")
    done = make(folder, verb, f"CLUSTER_FILES={own} {good}")
    assert done.status == 2  # that of make
    assert "missing closing brace" in done.stderr
    assert _calls(folder, "kubectl") == []


def test_apply_changes_no_version_of_kubernetes(programs: Programs, make: Make) -> None:
    sentence = _refused(make(programs(live="v1.34.2"), "apply"))
    assert "the cluster has v1.34.2 and KUBERNETES_VERSION is v1.35.8" in sentence
    assert "see make cluster-upgrade" in sentence
    assert make(programs(live="v1.35.8"), "apply").status == 0


@pytest.mark.parametrize(
    ("live", "status", "part"),
    [
        ("v1.36.1", 2, "a newer version up to v1.37.x is accepted"),
        ("v1.35.9", 2, "a newer version up to v1.36.x is accepted"),
        ("v1.33.12", 2, "a newer version up to v1.34.x is accepted"),
        ("v1.35.8", 2, "the cluster has v1.35.8 and KUBERNETES_VERSION is v1.35.8"),
        ("", 1, "there is no cluster payments-api"),
    ],
)
def test_an_upgrade_goes_one_minor_version_forward_only(
    live: str, status: int, part: str, programs: Programs, make: Make
) -> None:
    folder = programs(live=live)
    done = make(folder, "upgrade")
    assert part in done.stderr
    assert part in _refused(done, status)
    assert _calls(folder, "kubectl apply") == []


@pytest.mark.parametrize("live", ["v1.34.11", "v1.35.5"])
def test_an_upgrade_applies_the_new_version(live: str, programs: Programs, make: Make) -> None:
    folder = programs(live=live)
    done = make(folder, "upgrade")
    assert done.status == 0, done.stderr
    assert "to Kubernetes v1.35.8" in done.stdout
    assert (folder / "applied").exists()


def test_an_upgrade_of_eks_upgrades_the_workers_after_the_control_plane(
    programs: Programs, make: Make, render: trees.Renderer
) -> None:
    (template,) = (render(CASES["aws-eks"]).root / FOLDER).glob("cluster-template-*.yaml")
    objects = template.read_text()
    folder = programs(live="v1.34.11", objects=objects)
    done = make(folder, "upgrade", case="aws-eks")
    assert "make cluster-apply upgrades the workers" in done.stdout
    sent = list(yaml.safe_load_all((folder / "applied").read_text()))
    # The program instead of clusterctl prints the cluster for each file that it is given.
    assert {one["kind"] for one in sent} == {"AWSManagedControlPlane"}
    assert all(one == sent[0] for one in sent)
    folder = programs(live="v1.35.8", upgraded="1.34", objects=objects)
    assert "from 1.34 to v1.35.8" in _refused(make(folder, "apply", case="aws-eks"), 1)
    folder = programs(live="v1.35.8", upgraded="1.35.8", objects=objects)
    assert make(folder, "apply", case="aws-eks").status == 0
    sent = list(yaml.safe_load_all((folder / "applied").read_text()))
    assert "AWSManagedMachinePool" in [one["kind"] for one in sent if one]


def test_the_kubeconfig_is_readable_by_its_owner_alone(
    programs: Programs, render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(AWS, tmp_path / "payments-api").root
    env = {"PATH": str(programs() / "bin")}
    done = process.run(["make", "-s", "cluster-kubeconfig"], cwd=root, env=env)
    file = root / ".secrets/payments-api.kubeconfig"
    assert file.read_text() == "kind: Config\n"
    assert file.stat().st_mode & 0o077 == 0
    assert done.stdout == f"export KUBECONFIG={file}\n"


def test_the_kubeconfig_of_eks_is_that_of_people(
    programs: Programs, render: trees.Renderer, tmp_path: Path
) -> None:
    folder = programs()
    root = render.into(CASES["aws-eks"], tmp_path / "payments-api").root
    process.run(["make", "-s", "cluster-kubeconfig"], cwd=root, env={"PATH": str(folder / "bin")})
    assert (root / ".secrets/payments-api.kubeconfig").read_text() == "kind: Config\n"
    assert not _calls(folder, "clusterctl get kubeconfig")
    (call,) = _calls(folder, "kubectl")
    assert "--namespace payments-api get secret payments-api-user-kubeconfig" in call


def test_a_kubeconfig_that_cannot_be_read_leaves_the_one_before_and_no_other_file(
    programs: Programs, render: trees.Renderer, tmp_path: Path
) -> None:
    folder = programs()
    (folder / "bin/clusterctl").write_text("#!/bin/sh\nexit 1\n")
    root = render.into(AWS, tmp_path / "payments-api").root
    (root / ".secrets").mkdir()
    (root / ".secrets/payments-api.kubeconfig").write_text("before")
    command = ["make", "-s", "cluster-kubeconfig"]
    process.run(command, cwd=root, env={"PATH": str(folder / "bin")}, accept=(2,))
    (file,) = (root / ".secrets").iterdir()
    assert file.read_text() == "before"


@pytest.mark.parametrize("arguments", [(), ("YES=no",)])
def test_nothing_is_deleted_without_the_name_of_the_cluster(
    arguments: tuple[str, ...], programs: Programs, make: Make
) -> None:
    folder = programs()
    assert _refused_last(make(folder, "delete", *arguments)) == "nothing was deleted."
    assert not [call for call in _calls(folder) if " delete " in call]


def _refused_last(done: process.Result) -> str:
    assert "Error 2" in done.stderr
    found = re.findall(r"cluster-api: (.*)", done.stderr)
    return str(found[-1])


def test_the_cluster_alone_is_deleted(programs: Programs, make: Make) -> None:
    folder = programs()
    done = make(folder, "delete", "YES=1")
    assert done.status == 0, done.stderr
    (call,) = [call for call in _calls(folder) if " delete " in call]
    assert "--namespace payments-api delete clusters.cluster.x-k8s.io payments-api" in call
    assert "there is no cluster payments-api" in _refused(
        make(programs(missing=1), "delete", "YES=1"), 1
    )


def _commands(root: Path) -> set[str]:
    """Return the commands in the head of the script."""
    head = (root / "scripts/cluster-api.sh").read_text().partition("\nset ")[0]
    return set(re.findall(r"^#   ([a-z]+) ", head, re.M))


@pytest.mark.parametrize("verb", ["iam", "credentials", "key"])
def test_what_is_for_aws_is_no_command_elsewhere(verb: str, render: trees.Renderer) -> None:
    for name in CASES:
        assert (verb in _commands(render(CASES[name]).root)) == (name != "docker")


@pytest.mark.parametrize("name", CASES)
def test_every_value_is_used_and_every_variable_has_one(name: str, render: trees.Renderer) -> None:
    root = render(CASES[name]).root
    text = "".join(file.read_text() for file in (root / FOLDER).rglob("*.yaml"))
    assert set(re.findall(r"\$\{(\w+)", text)) == set(values(root))
    # Plain ones, so that a missing value is named and not replaced.
    assert len(re.findall(r"\$\{\w+\}", text)) == text.count("${")


def _references(value: object) -> Iterator[tuple[str, str]]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key in cluster_objects.REFERENCES:
            yield inner["kind"], inner["name"]
        yield from _references(inner)


@pytest.mark.parametrize("name", CASES)
def test_every_object_that_a_manifest_refers_to_is_among_the_manifests(
    name: str, render: trees.Renderer
) -> None:
    objects = of(name, render)
    found = {reference for one in objects for reference in _references(one.object["spec"])}
    assert found
    assert found <= {(one.kind, one.name) for one in objects}


@pytest.mark.parametrize("name", CASES)
def test_the_manual_upgrades_the_providers_that_the_script_installs(
    name: str, render: trees.Renderer
) -> None:
    root = render(CASES[name]).root
    installed, upgraded = (
        set(re.findall(r'--(\S+) "(\S+:\$\w+)"', text.partition(command)[2].partition("\n\n")[0]))
        for text, command in (
            ((root / "scripts/cluster-api.sh").read_text(), "clusterctl init"),
            ((root / "docs/cluster-api.md").read_text(), "clusterctl upgrade apply"),
        )
    )
    assert len(installed) == 5
    assert upgraded == installed


@pytest.mark.parametrize("name", CASES)
def test_the_manual_names_every_target_and_file(name: str, render: trees.Renderer) -> None:
    root = render(CASES[name]).root
    manual = (root / "docs/cluster-api.md").read_text()
    assert set(re.findall(r"make cluster-([a-z]+)", manual)) == _commands(root)
    for file in (root / FOLDER).glob("*"):
        name = f"{file.name}/" if file.is_dir() else file.name
        assert f"`{FOLDER}/{name}`" in manual


@pytest.mark.parametrize("name", ["aws", "aws-eks"])
def test_the_manual_says_what_a_cluster_costs_opens_and_does_not_keep(
    name: str, render: trees.Renderer
) -> None:
    manual = (render(CASES[name]).root / "docs/cluster-api.md").read_text()
    for word in (
        "costs money",
        "NAT gateways",
        "from the internet",
        "bastion",
        "backup",
        "sign-on",
    ):
        assert word in manual
    # Nobody drains for Cluster API in a managed group.
    assert ("nodeDrainTimeoutSeconds" in manual) == (name == "aws")


def test_make_lists_the_commands_and_refuses_others(render: trees.Renderer) -> None:
    root = render(AWS).root
    shown = process.run(["make", "-s", "cluster"], cwd=root).stdout
    assert _commands(root) == {*VERBS, "check"}
    assert {line.split()[0] for line in shown.splitlines()} == {
        f"cluster-{name}" for name in _commands(root)
    }
    refused = process.run(["make", "-s", "cluster-destroy"], cwd=root, accept=(2,))
    assert '"destroy" is not a command' in refused.stderr


@pytest.mark.parametrize("name", [name for name in CASES if name != "docker"])
def test_the_script_accepts_the_regions_that_the_question_accepts(
    name: str, render: trees.Renderer
) -> None:
    script = (render(CASES[name]).root / "scripts/cluster-api.sh").read_text()
    (listed,) = re.findall(r'^ *regions="(.*?)"$', script, re.M | re.S)
    assert listed.split() == Questionnaire(load(ROOT)).fill({}).answers["regions"]


@pytest.mark.parametrize(
    ("region", "letters"), [("ap-northeast-2", "abc"), ("ap-northeast-1", "acd")]
)
def test_the_zones_are_those_that_a_region_has(
    region: str, letters: str, render: trees.Renderer
) -> None:
    case = AWS if region == "ap-northeast-2" else next(c for c in trees.VALID if c.name == "ecr")
    found = values(render(case).root)
    for number, letter in enumerate(letters, 1):
        assert found[f"AWS_AVAILABILITY_ZONE_{number}"] == f"{region}{letter}"


def test_renovate_finds_every_chart_of_the_add_ons(render: trees.Renderer) -> None:
    settings = json5.loads((render(AWS).root / ".github/renovate.json5").read_text())
    (manager,) = settings["customManagers"]
    (pattern,) = manager["matchStrings"]
    pattern = re.sub(r"\(\?<(\w+)>", r"(?P<\1>", pattern)
    for name in CASES:
        root = render(CASES[name]).root
        text = (root / FOLDER / "cluster.env").read_text()
        found = {one["depName"]: one for one in re.finditer(pattern, text)}
        charts = [one.object["spec"] for one in manifests(root) if one.kind == "HelmChartProxy"]
        assert charts
        for chart in charts:
            # The definitions of Calico have the version of Calico.
            published = chart["chartName"].replace("crd.projectcalico.org.v1", "tigera-operator")
            assert found[published]["currentValue"] == chart["version"]
            assert found[published]["registryUrl"] == chart["repoURL"]
        assert {one["datasource"] for one in found.values()} == {"helm"}


def test_a_repository_without_a_cluster_has_nothing_of_it(render: trees.Renderer) -> None:
    root = render(next(c for c in trees.VALID if c.name == "shortest")).root
    assert "cluster-" not in (root / "Makefile").read_text()
    assert not [path for path in trees.files(root) if "cluster-api" in str(path)]
