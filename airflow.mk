# Airflow on this machine, for one person: included by the Makefile, which sets VENV, CKM_HOME and CKM_SOURCES.
#
#   make up [PORT=8080]                  start Airflow and its web page; Ctrl-C, or make down elsewhere, stops it
#   make down                            stop what make up started
#   make airflow-setup                   make or upgrade Airflow's own database and the pool (make up does it)
#   make run-dag FROM=date TO=date       run nights of the DAG in the foreground, without the web page
#
# Everything of Airflow's is in AIRFLOW_HOME. CKM_FIRST_NIGHT is the first night of the schedule once the DAG is
# switched on; without it the day of the first set-up, so that nothing is caught up unasked.

VENV ?= .venv
PORT ?= 8080
AIRFLOW_HOME ?= $(CURDIR)/.airflow
AIRFLOW_PYTHON := "$(abspath $(VENV))/bin/python"
AIRFLOW_POOL := duckdb_writer

AIRFLOW_TARGETS := airflow-setup up down run-dag
.PHONY: $(AIRFLOW_TARGETS)

$(AIRFLOW_TARGETS): export AIRFLOW_HOME := $(AIRFLOW_HOME)
$(AIRFLOW_TARGETS): export AIRFLOW__API__BASE_URL := http://127.0.0.1:$(PORT)
$(AIRFLOW_TARGETS): export AIRFLOW__API__HOST := 127.0.0.1
$(AIRFLOW_TARGETS): export AIRFLOW__API__PORT := $(PORT)
$(AIRFLOW_TARGETS): export AIRFLOW__API__WORKERS := 1
$(AIRFLOW_TARGETS): export AIRFLOW__CORE__DAGS_FOLDER := $(CURDIR)/dags
$(AIRFLOW_TARGETS): export AIRFLOW__CORE__EXECUTION_API_SERVER_URL := http://127.0.0.1:$(PORT)/execution/
$(AIRFLOW_TARGETS): export AIRFLOW__CORE__EXECUTOR := LocalExecutor
$(AIRFLOW_TARGETS): export AIRFLOW__CORE__LOAD_EXAMPLES := False
$(AIRFLOW_TARGETS): export AIRFLOW__CORE__PARALLELISM := 4
$(AIRFLOW_TARGETS): export AIRFLOW__CORE__PLUGINS_FOLDER := $(CURDIR)/plugins
$(AIRFLOW_TARGETS): export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS := True
$(AIRFLOW_TARGETS): export AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL := 120
$(AIRFLOW_TARGETS): export AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES := 1
$(AIRFLOW_TARGETS): export AIRFLOW__LOGGING__LOGGING_LEVEL := ERROR
$(AIRFLOW_TARGETS): export AIRFLOW__LOGGING__NAMESPACE_LEVELS := task=INFO ckm=INFO
$(AIRFLOW_TARGETS): export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False
$(AIRFLOW_TARGETS): export DO_NOT_TRACK := 1
$(AIRFLOW_TARGETS): export PYTHONWARNINGS := ignore::UserWarning:multiprocessing.resource_tracker


# Starts the processes of Airflow, each in a session of its own, and ends them by that session: a task puts itself
# into a process group of its own, so ending the parents or their groups would leave it behind.
define AIRFLOW_CONTROL
import json, os, signal, socket, subprocess, sys, time, urllib.request
from pathlib import Path

import psutil

HOME, URL = Path(os.environ["AIRFLOW_HOME"]), os.environ["AIRFLOW__API__BASE_URL"]
RECORD = HOME / "up.json"
COMPONENTS = (["api-server"], ["scheduler", "--skip-serve-logs"], ["dag-processor"])


def started(pid):
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def members(sessions):
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            pass
    return found


def stop(sessions):
    leaders = [process for process in members(sessions) if process.pid in sessions]
    for who, what, seconds in ((lambda: leaders, "terminate", 15), (lambda: members(sessions), "terminate", 5),
                               (lambda: members(sessions), "kill", 10)):
        for process in who():
            try:
                getattr(process, what)()
            except psutil.NoSuchProcess:
                pass
        end = time.monotonic() + seconds
        while members(sessions) and time.monotonic() < end:
            time.sleep(0.2)
    RECORD.unlink(missing_ok=True)


def living(record):
    return {int(pid) for pid, when in record.items() if started(int(pid)) == when}


def ask(path, token=None):
    request = urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def what_is_missing():
    try:
        health = ask("/api/v2/monitor/health")
        for part in ("metadatabase", "scheduler", "dag_processor"):
            if health[part]["status"] != "healthy":
                return f"the {part} is not healthy"
        token = ask("/auth/token")["access_token"]
        pools = {pool["name"]: pool["slots"] for pool in ask("/api/v2/pools", token)["pools"]}
        if pools.get("$(AIRFLOW_POOL)") != 1:
            return "the pool $(AIRFLOW_POOL) has not one slot: remove migrated_to in Airflow's home"
        ask("/api/v2/dags/ckm_nightly", token)
    except OSError as error:
        return str(error)


def up():
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if living(record.get("supervisor", {})):
        sys.exit("Airflow is already up; make down stops it.")
    stop(living(record.get("components", {})))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(os.environ["AIRFLOW__API__PORT"])))
        except OSError:
            sys.exit(f"Port {os.environ['AIRFLOW__API__PORT']} is taken: choose another with make up PORT=8081.")
    for name, default in (("CKM_HOME", "var"), ("CKM_SOURCES", "sources.yml")):
        os.environ[name] = os.path.abspath(os.environ.get(name) or default)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    children = {}
    try:
        for component in COMPONENTS:
            with (HOME / "logs" / f"{component[0]}.log").open("ab") as log:
                command = [sys.executable, "-m", "airflow", *component]
                child = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                         start_new_session=True)
            children[component[0]] = child
            RECORD.write_text(json.dumps({
                "supervisor": {os.getpid(): started(os.getpid())},
                "components": {child.pid: started(child.pid) for child in children.values()},
            }))
        print("Airflow is starting ...", flush=True)
        is_ready, began = False, time.monotonic()
        while True:
            for name, child in children.items():
                if child.poll() is not None:
                    sys.exit(f"Airflow's {name} ended: see {HOME / 'logs' / name}.log")
            missing = None if is_ready else what_is_missing()
            if not is_ready and not missing:
                is_ready = True
                print(f"Airflow is ready after {time.monotonic() - began:.0f} s: {URL}/dags/ckm_nightly\n\n"
                      f"  Sources  {os.environ['CKM_SOURCES']}\n  Home     {os.environ['CKM_HOME']}\n\n"
                      f"Switch the DAG on in the page: it loads every night from {os.environ['CKM_FIRST_NIGHT']} on, "
                      "each after its\nmidnight. To load another night, press Trigger and give its date. "
                      "Ctrl-C stops Airflow.", flush=True)
            elif missing and time.monotonic() - began > 300:
                sys.exit(f"Airflow is not ready after 5 minutes ({missing}): see {HOME / 'logs'}.")
            time.sleep(1)
    except KeyboardInterrupt:
        print("\nStopping Airflow ...", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stop({child.pid for child in children.values()})


def down():
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    supervisor = living(record.get("supervisor", {}))
    for pid in supervisor:
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 40
    while living(record.get("supervisor", {})) and time.monotonic() < end:
        time.sleep(0.2)
    stop(living(record.get("components", {})))
    print("Airflow is stopped." if record else "Airflow was not up.")


{"up": up, "down": down}[sys.argv[1]]()
endef
$(AIRFLOW_TARGETS): export AIRFLOW_CONTROL := $(AIRFLOW_CONTROL)

# Database and pool are made once per version of Airflow; make up looks whether the pool is there, because tasks of
# a pool that does not exist wait for ever with only a warning.
airflow-setup: $(STAMP)  ## Make Airflow's own database and pool (make up does it).
	@mkdir -p "$$AIRFLOW_HOME/logs"
	@version=$$($(AIRFLOW_PYTHON) -c 'from importlib.metadata import version; print(version("apache-airflow"))') && \
	if [ "$$(cat "$$AIRFLOW_HOME/migrated_to" 2>/dev/null)" != "$$version" ]; then \
	    echo "Setting up Airflow $$version in $$AIRFLOW_HOME ..."; \
	    $(AIRFLOW_PYTHON) -m airflow db migrate > "$$AIRFLOW_HOME/logs/setup.log" 2>&1 && \
	    $(AIRFLOW_PYTHON) -m airflow pools set $(AIRFLOW_POOL) 1 "DuckDB takes one writer at a time" \
	        >> "$$AIRFLOW_HOME/logs/setup.log" 2>&1 && \
	    $(AIRFLOW_PYTHON) -m airflow pools get $(AIRFLOW_POOL) >> "$$AIRFLOW_HOME/logs/setup.log" 2>&1 && \
	    echo "$$version" > "$$AIRFLOW_HOME/migrated_to" || \
	    { echo "Airflow could not be set up: see $$AIRFLOW_HOME/logs/setup.log"; exit 1; }; \
	fi
	@[ -s "$$AIRFLOW_HOME/first_night" ] || date +%F > "$$AIRFLOW_HOME/first_night"

up: airflow-setup  ## Start Airflow with its web page (PORT=8080); Ctrl-C or make down stops it.
	@CKM_FIRST_NIGHT="$${CKM_FIRST_NIGHT:-$$(cat "$$AIRFLOW_HOME/first_night")}" \
	    $(IF_DEMONSTRATION) $(AIRFLOW_PYTHON) -c "$$AIRFLOW_CONTROL" up

down:  ## Stop what make up started.
	@$(AIRFLOW_PYTHON) -c "$$AIRFLOW_CONTROL" down

run-dag: $(STAMP)  ## Run nights of the DAG without a scheduler: FROM=2025-12-29 TO=2025-12-31.
	@$(AIRFLOW_PYTHON) "$(CURDIR)/dags/run_nights.py" --from "$(FROM)" --to "$(TO)"
