# docker build -t supersoliton .        docker run --rm -v "$PWD":/work supersoliton solve qball.toml
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY src ./src
COPY examples ./examples
# the locked versions only, with their hashes; then the package without its dependencies
RUN python -m venv /opt/supersoliton \
 && /opt/supersoliton/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/supersoliton/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
COPY --from=build /opt/supersoliton /opt/supersoliton
RUN useradd --create-home physicist
USER physicist
WORKDIR /work
ENTRYPOINT ["/opt/supersoliton/bin/supersoliton"]
CMD ["--help"]
