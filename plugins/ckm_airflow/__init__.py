"""The night inside Airflow. What a step does is in the package `ckm`, which does not know Airflow.

    tasks      what each task of the DAG does
    turn       whose turn it is in the home
    failing    how a task fails: with a sentence
    showing    tables in a task's log
    secrets    what Airflow keeps for the environment
    deadline   the hour at which readers rely on a night
    links      buttons to the site

The DAG's own file says when, in which order and with which options; `ckm_plugin.py` is what Airflow loads as a plugin.
"""
