"""The gateway against its own OpenAPI document: what it allows and what it forbids is tried."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from console.access import ACCESS, Role
from console.app import make_app
from console.services import open_services
from console.settings import GatewaySettings
from infra.settings import Endpoints
from tests.cli.scene import Scene, answering
from tests.console.intake import taking_in
from tests.console.test_access import PAGES
from tests.console.visitors import Visitors
from tests.patience import patience

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgis,
    pytest.mark.slow,
    # Not the strategies: clients of Kafka on the threads beside them draw from it.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

HIDDEN = {"GET /api/v1/openapi.json", "GET /api/v1/docs", "GET /api/v1/docs.css", *PAGES}
ENDLESS = {"GET /api/v1/stream"}
"""Tried in `test_live.py`."""
ENDPOINTS = sorted(set(ACCESS) - HIDDEN - ENDLESS)
CONFORMS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@contextlib.contextmanager
def serving(endpoints: Endpoints) -> Iterator[tuple[str, dict]]:
    """Serve on a thread of its own; yield the address and the OpenAPI document."""
    ready, found, fault = threading.Event(), [], []

    async def serve() -> None:
        async with open_services(
            endpoints, GatewaySettings(answer_s=60, attempts=5, rate=0)
        ) as services:
            await services.compute.warm()
            app = make_app(services)
            config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
            server, listening = uvicorn.Server(config), config.bind_socket()
            found.extend((server, listening.getsockname()[1], app.openapi()))
            ready.set()
            await server.serve([listening])
            listening.close()

    def thread() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            fault.append(error)
        finally:
            ready.set()

    running = threading.Thread(target=thread, daemon=True)
    running.start()
    assert ready.wait(patience(60))
    if fault:
        raise fault[0]
    server, port, document = found
    try:
        yield f"http://127.0.0.1:{port}", document
    finally:
        server.should_exit = True
        running.join(patience(30))
        if fault:
            raise fault[0]


@pytest.fixture(scope="module")
def served(scene: Scene, tokens: dict[Role, str]) -> Iterator[tuple[str, dict]]:
    """Return a gateway's address and document."""
    with answering(scene), taking_in(scene), serving(scene.endpoints) as found:
        yield found


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_does_as_its_document_says(
    served: tuple[str, dict],
    scene: Scene,
    tokens: dict[Role, str],
    endpoint: str,
    mode: GenerationMode,
) -> None:
    url, document = served
    method, path = endpoint.split(" ")
    operation = schemathesis.openapi.from_dict(document)[path][method]
    if mode is GenerationMode.NEGATIVE and not (
        document["paths"][path][method.lower()].get("parameters")
        or document["paths"][path][method.lower()].get("requestBody")
    ):
        return  # nothing is asked for, so nothing can be wrong
    checks = [*CONFORMS, *([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])]
    headers = {"Authorization": f"Bearer {tokens[Role.SUPERVISOR]}"}

    @settings(
        max_examples=8,
        derandomize=True,  # what it finds, it finds each time
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def try_it(case: schemathesis.Case) -> None:
        if mode is GenerationMode.POSITIVE:
            for name, there in {"incident": scene.ids[0], "unit": scene.unit}.items():
                if name in case.path_parameters:
                    case.path_parameters[name] = there
        case.call_and_validate(base_url=url, headers=headers, checks=checks)

    try_it()


async def test_the_shapes_of_the_document_are_valid(visitors: Visitors) -> None:
    document = (await visitors.nobody().get("/api/v1/openapi.json")).json()
    shapes = document["components"]["schemas"]
    for shape in shapes.values():
        Draft202012Validator.check_schema(shape)
    text = str(document)
    named = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(shapes)
