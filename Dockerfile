# One image for every process of the stack: Airflow, the load, the simulated company and the site's server.
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1

RUN useradd --uid 50000 --user-group --no-create-home --home-dir /tmp ckm

# LightGBM's wheel leaves the OpenMP runtime to the system.
RUN ldconfig -p | grep -q libgomp.so.1 \
    || (apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*)

WORKDIR /app

# The libraries change seldom and the code often, so they are a layer of their own. They are compiled here, because
# the image is read-only where it runs.
COPY requirements.lock .
RUN pip install --no-cache-dir --disable-pip-version-check uv \
    && uv pip install --system --no-cache --compile-bytecode --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY plugins plugins
COPY dags dags
COPY dbt_project dbt_project
COPY expectations expectations
COPY stack stack
RUN uv pip install --system --no-cache --no-deps --editable . \
    && python -m compileall -q plugins stack

# What volumes are laid over belongs to whom they are for; the home holds personal data.
RUN install -d -o ckm -g ckm /ckm/company /ckm/logs /ckm/home/published && chmod 700 /ckm/home

USER 50000:50000
