# Recipes call the same commands as the README and CI.

# First look: sample candles, a strategy, a report.
demo:
    cargo run --release -p tradai-cli -- demo

# Format, lints, docs.
check:
    cargo xtask check

# Everything that CI runs.
test:
    cargo xtask test

# Against Freqtrade itself, on random cases (installs it from PyPI into target/).
fuzz cases="200" seed="1":
    cargo xtask fuzz --cases {{cases}} --seed {{seed}}

# CPU seconds against Freqtrade on the benchmark's candles.
bench:
    cargo xtask bench

# The candle store against ArcticDB and raw Parquet (installs them from PyPI into target/).
bench-store *args:
    cargo xtask bench-store {{args}}

# The candle store in simulated worlds, for longer than the tests take.
sim *args:
    cargo xtask sim {{args}}

ci: test

# Every compose profile: what is optional beside the services.
profiles := "--profile mlflow --profile localstack --profile redis"

# The services in containers; makes API keys into .env the first time.
up: env
    TRADAI_GIT_COMMIT=$(git rev-parse HEAD) docker compose up --build --detach --wait

# The same with MLflow, LocalStack and Redis.
up-full: env
    TRADAI_GIT_COMMIT=$(git rev-parse HEAD) docker compose {{profiles}} up --build --detach --wait

# Stops what `up` and `up-full` started; the volumes stay.
down:
    docker compose {{profiles}} down

[private]
env:
    docker/make-env.sh sh -c 'docker build --build-arg TRADAI_GIT_COMMIT=$(git rev-parse HEAD) --target backend --tag "$0" . >&2 && docker run --rm "$0" "$@"' tradai/backend:${TAG:-latest}
