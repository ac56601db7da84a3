# Airflow on this machine, for one person: included by the Makefile, which sets BIN, STAMP, CKM_HOME and CKM_SOURCES.
#
#   make up [PORT=8080]                  start Airflow, its page and the site; Ctrl-C, or make down elsewhere, stops it
#   make up NIGHT=2025-12-31             the same, and switch the DAG on and load that night
#   make up START=1                      the same, and switch the DAG on
#   make down                            stop what make up started
#   make airflow DO="dags list"          run one of Airflow's own commands with the same settings
#   make run-dag FROM=date TO=date       run nights of the DAG in the foreground, without a scheduler
#
# Everything of Airflow's is in AIRFLOW_HOME. CKM_FIRST_NIGHT is the first night of the schedule once the DAG is
# switched on; without it the day of the first set-up, so that nothing is caught up unasked.

PORT ?= 8080
export AIRFLOW_HOME ?= $(CURDIR)/.airflow
STACK := "$(abspath $(BIN))/python" -m stack.up --port "$(PORT)"

.PHONY: up down airflow run-dag

up: $(STAMP)  ## Start Airflow with its page and the site (PORT=8080; NIGHT=date or START=1 switches the DAG on).
	@$(IF_DEMONSTRATION) $(STACK) up $(if $(NIGHT),--night "$(NIGHT)") $(if $(START),--start)

down: $(STAMP)  ## Stop what make up started.
	@$(STACK) down

airflow: $(STAMP)  ## Run one of Airflow's own commands: DO="dags list".
	@$(STACK) airflow $(DO)

run-dag: $(STAMP)  ## Run nights of the DAG without a scheduler: FROM=2025-12-29 TO=2025-12-31.
	@$(BIN)/python dags/run_nights.py --from "$(FROM)" --to "$(TO)"
