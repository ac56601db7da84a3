"""What docker-compose.yml, Dockerfile and .env.example promise, read from the files themselves."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stack.local import COMPONENTS, POOL, Local
from tests.stack.compose import (
    DOCUMENT,
    FILE,
    PROJECT,
    Missing,
    example,
    image_files,
    interpolated,
    services,
    variables,
)

from ckm.settings import Settings

SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
FILLED = {name: f"value-of-{name}" for name in variables("?")}
ONE_SHOTS = {"company", "airflow-init"}
each_service = pytest.mark.parametrize("name", SERVICES)


def mounts(name: str) -> dict[str, tuple[str, bool]]:
    """Target of each volume of a service → (volume, whether it can be written)."""
    found = [volume.rsplit(":", 3) for volume in services(FILLED)[name].get("volumes", [])]
    return {target: (volume, mode != ["ro"]) for volume, target, *mode in found}


def test_the_file_is_sound_by_the_compose_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_part_of_airflow_runs() -> None:
    assert set(COMPONENTS) <= set(SERVICES)
    for name, words in COMPONENTS.items():
        assert f"airflow {' '.join(words)}" in " ".join(SERVICES[name]["command"])
    assert {"postgres", "crm", "complaints", "site"} <= set(SERVICES)


@each_service
def test_no_service_runs_as_root_or_may_become_it(name: str) -> None:
    user, group = SERVICES[name]["user"].split(":")
    assert int(user) > 0 and int(group) > 0
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]
    assert "privileged" not in SERVICES[name] and "cap_add" not in SERVICES[name]


@each_service
def test_no_container_can_be_written_to(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert "/tmp" in SERVICES[name]["tmpfs"]


@each_service
def test_every_service_has_its_share_of_the_machine_and_no_more(name: str) -> None:
    assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@each_service
def test_only_this_machine_reaches_a_port(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    assert SERVICES[name].get("network_mode") != "host"


@each_service
def test_a_service_either_ends_or_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOTS:
        assert service["restart"] == "no" and "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped" and service["healthcheck"]["test"][0] == "CMD"


@each_service
def test_what_a_service_waits_for_is_done_or_well(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        is_one_shot = wait["condition"] == "service_completed_successfully"
        assert is_one_shot or wait["condition"] == "service_healthy"
        assert is_one_shot == (other in ONE_SHOTS)


@each_service
def test_every_volume_is_named_and_declared(name: str) -> None:
    assert {volume for volume, _ in mounts(name).values()} <= set(DOCUMENT["volumes"])


def test_without_the_demonstration_nothing_of_it_is_waited_for() -> None:
    demonstration = {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]}
    assert demonstration == {"crm", "company", "complaints"}
    for name in set(SERVICES) - demonstration:
        for other in demonstration & set(SERVICES[name].get("depends_on", {})):
            assert SERVICES[name]["depends_on"][other]["required"] is False


def test_a_folder_of_ones_own_takes_the_place_of_the_company() -> None:
    own = services(FILLED | {"CKM_SOURCES_FOLDER": "./sources"})
    assert "./sources:/ckm/company:ro" in own["scheduler"]["volumes"]
    assert own["scheduler"]["environment"]["CKM_SOURCES"] == "/ckm/company/sources.yml"


def test_the_private_home_is_the_schedulers_alone_and_the_site_sees_what_is_published() -> None:
    assert {name for name in SERVICES if "home" in dict(mounts(name).values())} == {"scheduler"}
    assert mounts("site") == {"/ckm/home/published": ("published", False)}


def test_every_secret_comes_from_the_env_file_and_has_no_default() -> None:
    secret = re.compile(r"PASSWORD$|SECRET$|FERNET_KEY$|SQL_ALCHEMY_CONN$")
    found = {
        value
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if secret.search(name)
    }
    assert len(found) >= 7
    assert all(re.search(r"\$\{\w+:\?set \w+ in \.env\}", value) for value in found)


@pytest.mark.parametrize("name", sorted(FILLED))
def test_without_a_value_that_is_needed_the_stack_says_which_and_does_not_start(name: str) -> None:
    with pytest.raises(Missing, match=rf"^set {name} in \.env$"):
        services(FILLED | {name: ""})


def test_the_example_names_every_variable_and_gives_none_that_is_needed_a_value() -> None:
    given = example()
    assert set(given) == variables("?") | variables("-") | {"COMPOSE_PROFILES"}
    assert {name for name, value in given.items() if value} == {"COMPOSE_PROFILES"}
    with pytest.raises(Missing):
        services(given)


def test_the_filled_example_leaves_no_variable_over() -> None:
    assert "${" not in str(interpolated(SERVICES, FILLED)).replace("${CRM_PASSWORD}@crm", "")


def test_every_setting_of_the_load_is_passed_on() -> None:
    settings = {f"CKM_{field.upper()}" for field in Settings.model_fields} - {"CKM_PROJECT"}
    assert settings <= set(SERVICES["scheduler"]["environment"])


def test_a_night_goes_on_as_soon_after_a_crash_as_on_a_persons_machine(tmp_path: Path) -> None:
    own = Local(tmp_path, 8080).settings()
    told = ("AIRFLOW__SCHEDULER__", "AIRFLOW__WORKERS__")
    patience = {name: value for name, value in own.items() if name.startswith(told)}
    assert len(patience) == 4
    assert patience.items() <= SERVICES["scheduler"]["environment"].items()


def test_the_pool_of_the_writer_is_made() -> None:
    assert f"airflow pools set {POOL} 1 " in SERVICES["airflow-init"]["command"][-1]


def test_images_are_our_own_and_postgresql_of_a_stated_version() -> None:
    images = {service["image"] for service in SERVICES.values()}
    assert images - {"ckm-warehouse"} == {"postgres:17.6-bookworm"}
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM")] == ["FROM python:3.11-slim-bookworm"]
    assert not any(line.replace(" ", "").startswith("#syntax=") for line in lines)


def test_the_image_holds_locked_libraries_and_no_root() -> None:
    text = (PROJECT / "Dockerfile").read_text()
    assert "--require-hashes -r requirements.lock" in text
    assert text.rstrip().splitlines()[-1] == f"USER {SERVICES['scheduler']['user']}"


def test_the_image_holds_what_is_named_and_nothing_else() -> None:
    assert (PROJECT / ".dockerignore").read_text().splitlines()[0] == "*"
    copied = {
        word
        for line in re.findall(r"(?m)^COPY (.+)$", (PROJECT / "Dockerfile").read_text())
        for word in line.split()[:-1]
    }
    assert copied == set(image_files())
    assert all((PROJECT / name).exists() for name in copied)
