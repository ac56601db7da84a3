"""Kill a night under Airflow, its tasks, workers, scheduler and server, and see that it ends as if undisturbed."""
