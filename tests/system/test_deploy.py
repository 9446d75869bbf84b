"""The deployment examples are valid, and agree with the settings, the compose file, the API and the metrics."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.app import create_app
from shared.queue.workers import WorkerRegistry
from shared.redis_client import make_redis
from shared.schemas import CONDITIONING_METHODS, GPUStatus, WorkerInfo, WorkerState
from shared.settings import Settings, load_settings
from tests.system.test_docs import METRICS, series_names, setting_paths

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUSTOMIZATION = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
MANIFESTS = sorted({*(DEPLOY / "kubernetes").glob("*.yaml")} - {DEPLOY / "kubernetes/kustomization.yaml"})
PROGRAMS = ("redis", "api", "worker", "flower")
COMPOSE = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]
DASHBOARD = json.loads((DEPLOY / "grafana/writing-service.json").read_text())
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
SCALED = yaml.safe_load((DEPLOY / "keda/scaledobject.yaml").read_text())
LABELS = {label for _, labels in METRICS.values() for label in re.findall(r"\w+", labels)} | {"le"}

Manifest = dict[str, Any]


def documents() -> list[Manifest]:
    return [document for file in MANIFESTS for document in yaml.safe_load_all(file.read_text())]


def find(kind: str, name: str) -> Manifest:
    (found,) = [one for one in documents() if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def pod(program: str) -> Manifest:
    """Return a program's pod specification."""
    spec: Manifest = find("StatefulSet" if program == "redis" else "Deployment", program)["spec"]["template"]["spec"]
    return spec


def container(program: str) -> Manifest:
    (only,) = pod(program)["containers"]
    assert isinstance(only, dict)
    return only


def environment(program: str) -> dict[str, Manifest]:
    return {entry["name"]: entry for entry in container(program).get("env", [])}


def seconds(text: str) -> int:
    """Return a duration of a compose file in seconds."""
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def panels() -> list[Manifest]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Yield every PromQL expression of dashboard, alerts and KEDA, with its location."""
    for panel in panels():
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]
    for trigger in SCALED["spec"]["triggers"]:
        yield f"trigger {trigger['name']}", trigger["metadata"]["query"]


every_query = pytest.mark.parametrize("query", [pytest.param(query, id=place) for place, query in queries()])
every_program = pytest.mark.parametrize("program", PROGRAMS)


def test_kustomize_lists_every_manifest() -> None:
    assert sorted(KUSTOMIZATION["resources"]) == [file.name for file in MANIFESTS]


def test_objects_have_no_namespace_and_belong_together() -> None:
    assert len(documents()) >= 14
    for one in [*documents(), SCALED]:
        assert "namespace" not in one["metadata"]
        assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "writing-service"


@every_program
def test_what_selects_pods_selects_these(program: str) -> None:
    """Workload, Service and network policy select by the pods' own labels."""
    workload = find("StatefulSet" if program == "redis" else "Deployment", program)["spec"]
    labels = workload["template"]["metadata"]["labels"]
    assert workload["selector"]["matchLabels"] == labels
    for one in documents():
        if one["metadata"]["name"] != program:
            continue
        if one["kind"] == "Service":
            assert one["spec"]["selector"] == labels
        if one["kind"] == "NetworkPolicy":
            assert one["spec"]["podSelector"]["matchLabels"] == labels
        if one["kind"] == "PodDisruptionBudget":
            assert one["spec"]["selector"]["matchLabels"] == labels


@every_program
def test_variables_of_the_environment_are_settings(program: str) -> None:
    known = setting_paths(load_settings({}).model_dump(mode="json"))
    names = {*environment(program), *find("ConfigMap", "writing-service")["data"]}
    ours = {name.removeprefix("WRITING_").lower().replace("__", ".") for name in names if name.startswith("WRITING_")}
    assert ours - known <= {"url"}, "the client's"


def test_the_environment_is_a_whole_configuration() -> None:
    """API and worker start with it once the secret is filled in."""
    for program in ("api", "worker"):
        values = {name: entry.get("value", "[]") for name, entry in environment(program).items()}
        settings = load_settings({**find("ConfigMap", "writing-service")["data"], **values})
        assert settings.model == "sdxl"


@every_program
def test_variables_are_those_of_the_compose_file(program: str) -> None:
    ours = {*environment(program)}
    if program in {"api", "worker"}:
        ours |= {*find("ConfigMap", "writing-service")["data"]}
    # The pod sees only one GPU, so it needs no locks.
    assert {*COMPOSE[program]["environment"]} - ours <= {"WRITING_WORKER__GPU_LOCKS"}


@every_program
def test_no_variable_of_a_service_looks_like_a_setting(program: str) -> None:
    """Kubernetes would set variables such as FLOWER_PORT for each Service."""
    assert pod(program)["enableServiceLinks"] is False


@every_program
def test_secrets_are_never_inline(program: str) -> None:
    for name, entry in environment(program).items():
        if re.search(r"PASSWORD|KEYS|AUTH|SECRET", name):
            assert entry["valueFrom"]["secretKeyRef"]["name"] == "writing-service", name
        if "redis://" in entry.get("value", ""):
            assert "://:$(REDIS_PASSWORD)@redis:6379/" in entry["value"], name
    # Kubernetes expands only variables that are listed before their use.
    names = [*environment(program)]
    assert names[0] == "REDIS_PASSWORD"


def test_there_is_no_secret_among_the_manifests() -> None:
    assert [one for one in documents() if one["kind"] == "Secret"] == []


def test_redis_is_started_as_in_the_compose_file() -> None:
    in_compose = re.sub(r"\$\{REDIS_(?:MEMORY|APPENDFSYNC):-(\w+)\}", r"\1", COMPOSE["redis"]["command"])
    in_compose = re.sub(r"\$\{REDIS_PASSWORD:[^}]*\}", "$(REDIS_PASSWORD)", in_compose)
    assert container("redis")["args"] == shlex.split(in_compose)
    assert container("redis")["image"] == COMPOSE["redis"]["image"]


@pytest.mark.parametrize(("program", "image"), [("api", "api"), ("flower", "api"), ("worker", "worker")])
def test_images_commands_and_ports_are_those_of_the_compose_file(program: str, image: str) -> None:
    assert container(program)["image"] == f"writing-service-{image}"
    assert COMPOSE[program]["build"]["dockerfile"] == f"docker/{image}.Dockerfile"
    assert " ".join(container(program).get("command", [])) == COMPOSE[program].get("command", "")
    ports = [f"{port['containerPort']}:{port['containerPort']}" for port in container(program).get("ports", [])]
    published = [port.removeprefix("127.0.0.1:") for port in COMPOSE[program].get("ports", [])]
    assert ports == published


def test_images_are_renamed_by_kustomize() -> None:
    renamed = {image["name"] for image in KUSTOMIZATION["images"]}
    assert renamed == {container(program)["image"] for program in PROGRAMS if program != "redis"}


def test_manifests_with_our_images_are_applied_by_kustomize_alone() -> None:
    """The files themselves have the images' short names, which would be looked for on Docker Hub."""
    with_images = {file.name for file in MANIFESTS if "image: writing-service" in file.read_text()}
    assert with_images == {"api.yaml", "flower.yaml", "worker.yaml"}
    docs = [*DEPLOY.rglob("*.md"), *(DEPLOY.parent / "docs").rglob("*.md")]
    applied = {Path(name).name for doc in docs for name in re.findall(r"apply -f (\S+\.yaml)", doc.read_text())}
    assert applied & with_images == set()
    (labels,) = re.findall(r"apply -k \S+ -l ([\w./-]+=\w+)", (DEPLOY / "kubernetes/README.md").read_text())
    name, value = labels.split("=")
    chosen = [one["kind"] for one in documents() if one["metadata"]["labels"].get(name) == value]
    assert chosen == ["Deployment"]


def test_the_apis_probes_are_calls_that_need_no_key(settings: Settings) -> None:
    keys = settings.api.model_copy(update={"keys": ("someone:" + "0" * 64,)})
    client = create_app(settings.model_copy(update={"api": keys})).test_client()
    for probe in ("livenessProbe", "readinessProbe"):
        assert client.get(container("api")[probe]["httpGet"]["path"]).status_code == 200, probe


def test_a_worker_has_time_to_drain() -> None:
    grace_s = pod("worker")["terminationGracePeriodSeconds"]
    assert grace_s > load_settings({}).worker.drain_s
    assert grace_s == seconds(COMPOSE["worker"]["stop_grace_period"])


def test_a_rollout_is_given_the_time_that_the_readme_waits() -> None:
    (minutes,) = re.findall(
        r"rollout status deployment/worker --timeout=(\d+)m", (DEPLOY / "kubernetes/README.md").read_text()
    )
    assert find("Deployment", "worker")["spec"]["progressDeadlineSeconds"] == 60 * int(minutes)


def test_a_worker_has_one_gpu_and_a_model_cache() -> None:
    worker = container("worker")
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == 1
    (mount,) = worker["volumeMounts"]
    assert environment("worker")["HF_HOME"]["value"] == mount["mountPath"]
    claims = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in pod("worker")["volumes"]}
    assert find("PersistentVolumeClaim", claims[mount["name"]])


def test_a_worker_is_ready_once_it_says_that_it_is_warm(settings: Settings, redis_url: str) -> None:
    """Run the probe's command with a real Redis."""
    command = container("worker")["readinessProbe"]["exec"]["command"]
    registry = WorkerRegistry(make_redis(settings.redis), stale_after_s=60)

    def is_ready() -> bool:
        variables = {**os.environ, "WRITING_REDIS__URL": redis_url}
        done = subprocess.run([sys.executable, *command[1:]], env=variables, capture_output=True, check=False)
        assert done.stderr == b""
        return done.returncode == 0

    assert not is_ready()
    registry.publish(worker_info("1-abc@elsewhere", WorkerState.WARM))
    assert not is_ready(), "another pod's worker is warm"
    registry.publish(worker_info(f"1-abc@{os.uname().nodename}", WorkerState.LOADING))
    assert not is_ready()
    registry.publish(worker_info(f"1-abc@{os.uname().nodename}", WorkerState.WARM))
    assert is_ready()


def worker_info(worker_id: str, state: WorkerState) -> WorkerInfo:
    return WorkerInfo(
        worker_id=worker_id,
        state=state,
        model="sdxl",
        device="cuda",
        concurrency=4,
        batch_limit=2,
        methods=dict(CONDITIONING_METHODS),
        unavailable_methods={},
        running=0,
        gpu_status=GPUStatus(
            available=True, name="GPU", profile="medium", total_memory_gib=24, free_memory_gib=4, used_memory_gib=20
        ),
        started_at=time.time(),
    )


def test_only_the_services_own_pods_reach_redis() -> None:
    (rule,) = find("NetworkPolicy", "redis")["spec"]["ingress"]
    (source,) = rule["from"]
    assert source == {"podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "writing-service"}}}
    assert find("NetworkPolicy", "writing-service")["spec"]["ingress"] == []
    assert not [one for one in documents() if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "flower"]


def test_keda_scales_the_workers_between_one_and_some() -> None:
    spec = SCALED["spec"]
    assert find("Deployment", spec["scaleTargetRef"]["name"])
    assert "replicas" not in find("Deployment", "worker")["spec"], "applying it again would undo the scaling"
    assert 1 == spec["minReplicaCount"] < spec["maxReplicaCount"]
    drain, jobs = spec["triggers"]
    # Seconds concern all workers together, jobs are counted per worker.
    assert (drain["metricType"], jobs["metricType"]) == ("Value", "AverageValue")
    assert "writing_queue_drain_seconds" in drain["metadata"]["query"]


@every_query
def test_queries_ask_for_metrics_and_labels_that_there_are(query: str) -> None:
    assert set(re.findall(r"\bwriting_\w+", query)) - series_names() == set()
    assert re.search(r"\bwriting_\w+", query)
    matchers = [label for inside in re.findall(r"\{([^}]*)\}", query) for label in re.findall(r"(\w+)\s*[=!]", inside)]
    grouped = [label for inside in re.findall(r"\bby \(([^)]*)\)", query) for label in re.split(r",\s*", inside)]
    assert set(matchers + grouped) - LABELS == set()
    assert query.count("(") == query.count(")")


@every_query
def test_queries_do_not_count_an_api_process_twice(query: str) -> None:
    """Each reports the whole service, so a sum may only follow `max by`."""
    bare = re.sub(r"max by \([\w, ]+\) \((?:[^()]|\([^()]*\))*\)|max\((?:[^()]|\([^()]*\))*\)", "one", query)
    assert re.findall(r"\bwriting_\w+", re.sub(r"absent\(\w+\)", "one", bare)) == []


def test_the_dashboard_shows_every_metric() -> None:
    asked = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    assert [name for name in METRICS if not re.search(rf"\b{name}(_bucket|_sum|_count)?\b", asked)] == []


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "worker"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_the_dashboards_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_alerts_say_what_is_wrong_and_are_described_in_the_docs() -> None:
    described = (DEPLOY.parent / "docs/how-to/monitoring.md").read_text()
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"]
            assert rule["labels"]["severity"] in {"warning", "critical"}
            assert f"| `{rule['alert']}` |" in described


def test_prometheus_scrapes_the_apis_metrics_with_a_key_from_a_file(settings: Settings) -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert create_app(settings).url_map.bind("").match(job["metrics_path"])
    assert job["authorization"] == {"type": "Bearer", "credentials_file": "/etc/prometheus/writing-service.key"}
    assert job["static_configs"] == [{"targets": [f"api:{settings.api.port}"]}]
    assert [(DEPLOY / "prometheus" / file).is_file() for file in config["rule_files"]] == [True]
