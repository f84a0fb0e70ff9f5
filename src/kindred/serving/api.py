"""Lists over HTTP, from the release that is current: `kindred serve`, then http://127.0.0.1:8000/ and /docs.

Every caller is trusted with everybody's lists: the service listens on this machine alone unless --host says otherwise,
and belongs behind what tells your users apart.
"""

import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import uvicorn
from fastapi import Depends, FastAPI, Query, Request, params
from fastapi import Path as InPath
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.routing import get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from kindred import __version__
from kindred.publishing.settings import serving_folder
from kindred.serving import request_log
from kindred.serving.store import Filters, NoRelease, ReleaseGone, Store

PAGES = Path(__file__).parent
SHEET_LINK = '<link rel="stylesheet" href="pages.css">'
# The page that `kindred report` writes into the serving folder, and what hides the link to it where it isn't there.
REPORT = "report.html"
HIDDEN_REPORT = '<span id="report" hidden>'
# Where the demonstration page has the sentences of reasons.
NO_REASONS = "const reasons = {};"
MAX_BODY_BYTES = 262_144
# Where prometheus_client, in each process that is started with it, keeps what it counts.
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
# Where a scope keeps (release_id, is the list empty) of its answer, for the log.
ANSWERED = "kindred_answered"
# The same of what became of the sentences of a shop's own writer.
WRITTEN = "kindred_written"
# Environment variable with the writer of reasons, module:function; not given = none, and none of its code is imported.
WRITER = "KINDRED_REASON_WRITER"
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2)

# What comes in

Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$", examples=["i007"])]
Ids = Annotated[list[Id], Field(max_length=200)]
Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Length = Annotated[int, Field(ge=1, le=100, description="How many items.")]
Offset = Annotated[int, Field(ge=0, le=400, description="Ranks to leave out; give `release` too, so that pages fit.")]
ReleaseId = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$", description="Of an earlier answer; 410 once gone.")
]

Language = Annotated[
    str,
    Field(
        min_length=2,
        max_length=35,
        pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$",
        description="Of the words, such as de or de-AT; `language` of the answer says which it is.",
        examples=["de"],
    ),
]

CATEGORY_TEXT = (
    "Names as in the catalogue; case and blanks around them don't matter. Those that the catalogue doesn't have stand "
    "in `unknown_categories` of the answer; /categories tells all that it has."
)


class FiltersIn(BaseModel):
    """What may be in a list; prices include the bounds."""

    model_config = ConfigDict(extra="forbid")
    categories: Annotated[list[Id], Field(max_length=50, description=CATEGORY_TEXT)] | None = None
    price_min: Price | None = None
    price_max: Price | None = None
    in_stock: bool = True

    def to_filters(self) -> Filters:
        categories = None if self.categories is None else tuple(self.categories)
        return Filters(categories, self.price_min, self.price_max, self.in_stock)


class SessionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: Annotated[Ids, Field(description="The session's items, oldest first; may be empty.")]
    user_id: Id | None = None
    n: Length = 20
    offset: Offset = 0
    filters: FiltersIn = Field(default_factory=FiltersIn)
    exclude: Ids = []
    segment: Id | None = None
    release: ReleaseId | None = None


class RerankIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[Id], Field(min_length=1, max_length=500)]
    user_id: Id | None = None
    session: Ids = []
    segment: Id | None = None
    release: ReleaseId | None = None


def query_filters(
    category: Annotated[list[Id] | None, Query(max_length=50, description=CATEGORY_TEXT)] = None,
    price_min: Annotated[Price | None, Query()] = None,
    price_max: Annotated[Price | None, Query()] = None,
    in_stock: bool = True,
) -> Filters:
    return Filters(None if category is None else tuple(category), price_min, price_max, in_stock)


InFilters = Annotated[Filters, Depends(query_filters)]
InExclude = Annotated[Ids, Query()]
Words = Annotated[
    str,
    Field(
        max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$", description="What is looked for.", examples=["red mug"]
    ),
]
UserId = Annotated[Id, InPath()]
ItemId = Annotated[Id, InPath()]

# What goes out


class ItemOut(BaseModel):
    item_id: str
    title: str | None
    category: str | None
    brand: str | None
    price: float | None


class RankedOut(ItemOut):
    rank: Annotated[int, Field(ge=1)]
    score: Annotated[float | None, Field(description="Falls within one generator alone; the rank is what counts.")]
    generator: Annotated[str, Field(description="What proposed the item.")]
    reason: Annotated[str, Field(description="Code of the sentence beside the item.")]
    because_item_id: str | None
    because_title: str | None
    propensity: Annotated[float, Field(description="Probability with which the item was put there; log it.")]


class BundledOut(RankedOut):
    lift: float
    set_price: float | None
    support: float


class ListOut(BaseModel):
    list_id: Annotated[str, Field(description="Send it back with impressions and clicks.")]
    release_id: str
    policy: Annotated[
        str,
        Field(
            description="The policy that made the list; holdout = the person is held out, nothing personal is in it."
        ),
    ] = "main"
    items: list[RankedOut]
    unknown_categories: Annotated[
        list[str],
        Field(description="Categories of the filter that the catalogue doesn't have; left out where there are none."),
    ] = []


class BundlesOut(ListOut):
    items: list[BundledOut]  # type: ignore[assignment]


class AssignmentOut(BaseModel):
    kind: str
    arm: str
    is_control: bool
    policy: Annotated[str | None, Field(description="The policy that makes the arm's lists.")]
    value: Annotated[str | None, Field(description="An image's, text's or offer's id, or the factor of a price.")]
    min_price: float | None
    max_price: float | None
    price: Annotated[float | None, Field(description="What the item that was asked for costs in the arm.")]
    context: Annotated[str, Field(description="The context whose shares counted; '' = those for everybody.")]
    share: Annotated[float, Field(description="Probability with which the arm is given; log it with the exposure.")]
    key: str


class RuleOut(BaseModel):
    rule_id: str
    action: Annotated[str, Field(description="boost, bury or pin.")]


class ExplainedOut(RankedOut):
    words: Annotated[str, Field(description="The reason as a sentence that a shop can show.")]
    rules: Annotated[list[RuleOut], Field(description="The shop's rules that put the item where it stands.")]


class ExplanationOut(ListOut):
    kind: Annotated[
        Literal["person", "adapted", "session", "holdout", "fallback"],
        Field(
            description="person = the published list; adapted = that list, filtered or filled up; session = made"
            " from the"
            " visit; holdout = for everyone, as the person is held out; fallback = for everyone or a segment."
        ),
    ]
    language: Annotated[
        str, Field(description="The language of all words: en where the release lacks the one that was asked for.")
    ]
    words: Annotated[str, Field(description="How the list was made, as a sentence.")]
    experiments: Annotated[
        dict[str, AssignmentOut], Field(description="The arms of experiments on lists, by experiment_id.")
    ]
    items: list[ExplainedOut]  # type: ignore[assignment]
    writer: Annotated[
        dict[str, int],
        Field(
            description="How many sentences of the shop's own writer were shown (written), or why not; left out"
            " without one."
        ),
    ] = {}


class AssignmentsOut(BaseModel):
    release_id: str
    unit: str
    experiments: Annotated[
        dict[str, AssignmentOut], Field(description="By experiment_id; empty where the unit is in none.")
    ]


class CategoriesOut(BaseModel):
    release_id: str
    categories: list[str]


class ReleaseOut(BaseModel):
    release_id: str
    run_id: str
    as_of: str
    generated_at: str
    expires_at: str
    n_lists: int
    n_items: int


class HealthOut(BaseModel):
    status: Literal["ok"]
    release_id: str


class FoundOut(ItemOut):
    rank: Annotated[int, Field(ge=1)]
    words: Annotated[list[str], Field(description="Those of the query that the item has.")]
    cosine: Annotated[float | None, Field(description="Of the query's meaning and the item's; null = not compared.")]
    place_for_person: Annotated[int | None, Field(description="In the person's own order; null = no score.")]


class SearchOut(BaseModel):
    list_id: Annotated[str, Field(description="Send it back with impressions and clicks.")]
    release_id: str
    policy: Annotated[str, Field(description="As in lists; holdout = the order is the words' alone.")]
    method: Literal["words", "words_and_meaning"]
    why_words_alone: Annotated[str | None, Field(description="Null where meaning counted.")]
    read_as: Annotated[
        dict[str, list[str]],
        Field(description="How words that no item has were read; an empty list = left out."),
    ]
    items: list[FoundOut]


class HistoryOut(BaseModel):
    release_id: str
    items: list[ItemOut]


class PersonOut(BaseModel):
    user_id: str
    segment: str


class PeopleOut(BaseModel):
    release_id: str
    people: list[PersonOut]


class ProblemOut(BaseModel):
    detail: str | list[dict[str, Any]]


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": ProblemOut, "description": text}
    for code, text in {
        410: "The release that was asked for is not kept any more.",
        413: "The body is too long.",
        422: "A value is missing or out of its limits, or a name is unknown; then the known ones are given.",
        503: "Nothing was published yet.",
    }.items()
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The release is still the one of If-None-Match."}}

# In between


class TooLong(ValueError):
    """A body beyond the limit."""


REFUSED = (NoRelease, ReleaseGone, RequestValidationError, TooLong)


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """The answer to an error of REFUSED."""
    if isinstance(error, NoRelease):
        return problem(503, str(error), {"Retry-After": "10"})
    if isinstance(error, ReleaseGone):
        return problem(410, str(error))
    if isinstance(error, TooLong):
        return problem(413, str(error))
    assert isinstance(error, RequestValidationError)
    # What was given isn't given back: it may be no text (half of a surrogate pair) or no JSON (NaN).
    errors = error.errors()
    return problem(422, [{"loc": list(map(printable, one["loc"])), "msg": printable(one["msg"])} for one in errors])


def unknown_name(place: str, name: str, known: list[str]) -> dict[str, Any]:
    """What a name that nobody asks for is answered: it would change nothing, and the caller would not know."""
    names = ", ".join(known) if known else "none"
    return {"loc": (place, name), "msg": f"is not known here; known are: {names}"}


def refuse_unknown_parameters(request: Request) -> None:
    """Raises RequestValidationError for parameters of the query that the route doesn't have."""
    route = request.scope["route"]
    # A link to the demonstration page may carry anything.
    if not request.scope["query_string"] or not route.include_in_schema:
        return
    known = sorted(
        param.alias for param in get_flat_params(route.dependant) if isinstance(param.field_info, params.Query)
    )
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError([unknown_name("query", name, known) for name in unknown])


def known_fields(model: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """The names that an object of a body may have; place: its own within the body."""
    if place:
        inner = model.model_fields[place[0]].annotation
        assert isinstance(inner, type) and issubclass(inner, BaseModel)
        return known_fields(inner, place[1:])
    return sorted(model.model_fields)


class Bodies:
    """ASGI: answers the routes that take a JSON body and nothing else, {path: APIRoute}.

    pydantic reads the bytes in one go. FastAPI's routing and reading, made for much more, cost a third of what a
    session's list does; to FastAPI the routes are documentation.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[str, APIRoute]):
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get(get_route_path(scope)) if scope["type"] == "http" else None
        if route is None or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await self.answer(route, request)
        except REFUSED as error:
            response = await refuse(request, error)
        await response(scope, receive, send)

    @staticmethod
    async def answer(route: APIRoute, request: Request) -> Response:
        # A page of another site can send text without asking first, but no JSON.
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise RequestValidationError([{"loc": ("header", "content-type"), "msg": "must be application/json"}])
        refuse_unknown_parameters(request)
        assert route.body_field is not None
        model: type[BaseModel] = route.body_field.field_info.annotation  # type: ignore[assignment]
        try:
            asked = model.model_validate_json(await request.body())
        except ValidationError as error:
            errors: list[dict[str, Any]] = []
            for one in error.errors():
                if one["type"] == "extra_forbidden":
                    *place, _ = one["loc"]
                    errors.append(unknown_name("body", ".".join(map(str, one["loc"])), known_fields(model, (*place,))))
                else:
                    errors.append({**one, "loc": ("body", *one["loc"])})
            raise RequestValidationError(errors) from error
        answered: Response = await route.endpoint(request, asked)
        return answered


class Measured:
    """ASGI: seconds by route, and no body beyond the limit. BaseHTTPMiddleware would cost more than the lists do.

    log: where a line of each request goes, None = nowhere. endpoints: {path of a route: its name in the log}; other
    requests, such as those for figures and documentation, have no line.
    """

    def __init__(
        self,
        app: ASGIApp,
        histogram: Histogram,
        log: request_log.RequestLog | None = None,
        endpoints: Mapping[str, str] | None = None,
    ):
        self.app = app
        self.histogram = histogram
        self.log = log
        self.endpoints = {} if endpoints is None else endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began = time.perf_counter()
        n_bytes = 0
        status = 500

        async def receive_some() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > MAX_BODY_BYTES:
                raise TooLong(f"the body is longer than {MAX_BODY_BYTES} bytes")
            return message

        async def send_on(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive_some, send_on)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - began
            self.histogram.labels(route, str(status)).observe(seconds)
            if self.log is not None and route in self.endpoints:
                release_id, is_empty = scope.get(ANSWERED, (None, False))
                self.log.write(self.endpoints[route], status, seconds, release_id, is_empty, scope.get(WRITTEN))


class Served:
    """Collects the release that is served, asked at the moment of the scrape."""

    def __init__(self, store: Store):
        self.store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("kindred_release_info", "1 for the release that is served.", labels=["release_id"])
        with contextlib.suppress(NoRelease):
            family.add_metric([self.store.release()["release_id"]], 1)
        yield family


def problem(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)


def create_app(folder: str | Path | None = None) -> FastAPI:
    """The application on a serving folder, which may still be empty; None = serving_folder()."""
    store = Store(folder or serving_folder())
    if os.environ.get(WRITER):
        from kindred.serving import reason_writer

        store.writer = reason_writer.Writer(reason_writer.load(os.environ[WRITER]))
    registry = CollectorRegistry()
    latency = Histogram(
        "kindred_request_seconds", "Time to answer.", ["route", "status"], buckets=BUCKETS, registry=registry
    )
    empty = Counter("kindred_empty_lists", "Answers without an item.", ["route"], registry=registry)
    written: Counter | None = None
    if store.writer:
        told = "Sentences of the shop's own writer that were shown (written), or why the template's was."
        written = Counter("kindred_reasons", told, ["outcome"], registry=registry)

    released = CollectorRegistry()
    released.register(Served(store))

    # FastAPI whose pages of documentation load nothing from elsewhere.
    app = FastAPIOffline(
        title="kindred",
        summary="Lists of what a person may like, from the last published release.",
        version=__version__,
        responses=PROBLEMS,
        dependencies=[Depends(refuse_unknown_parameters)],
        # /metrics has what is counted; to ask OpenTelemetry at each request whether it listens takes time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.store = store
    take_bodies: dict[str, APIRoute] = {}
    app.add_middleware(Bodies, routes=take_bodies)
    folder_of_log = os.environ.get(request_log.FOLDER)
    log = request_log.RequestLog(Path(folder_of_log)) if folder_of_log else None
    endpoints: dict[str, str] = {}
    app.add_middleware(Measured, histogram=latency, log=log, endpoints=endpoints)
    for kind in REFUSED:
        app.add_exception_handler(kind, refuse)

    def respond(request: Request, found: Mapping[str, Any], kept: str = "private, no-cache") -> Response:
        """kept: the Cache-Control; with no-store an answer has no ETag either."""
        release_id = found["release_id"]
        is_empty = "list_id" in found and not found["items"]
        request.scope[ANSWERED] = (release_id, is_empty)
        headers = {"Cache-Control": kept} | ({} if kept == "no-store" else {"ETag": f'W/"{release_id}"'})
        if request.method == "GET" and headers.get("ETag", "\0") in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if is_empty:
            empty.labels(request.scope["route"].path).inc()
        # A tenth of the time that json takes, for what is most of an answer.
        return Response(orjson.dumps(found), media_type="application/json", headers=headers)

    @app.post("/session", response_model=ListOut)
    async def session(request: Request, asked: SessionIn) -> Response:
        """What fits the last items of a session, mixed with the person's list where the person is known."""
        found = store.recommend(
            asked.user_id,
            asked.items,
            asked.n,
            asked.filters.to_filters(),
            asked.exclude,
            asked.segment,
            asked.offset,
            True,
            asked.release,
        )
        return respond(request, found)

    @app.post("/rerank", response_model=ListOut)
    async def rerank(request: Request, asked: RerankIn) -> Response:
        """The given items, best for the person first."""
        found = store.rerank(asked.user_id, asked.items, asked.session, asked.segment, True, asked.release)
        return respond(request, found)

    take_bodies |= {route.path: route for route in app.routes[-2:] if isinstance(route, APIRoute)}

    @app.get("/recommendations/{user_id:path}", response_model=ListOut, responses=NOT_MODIFIED)
    async def recommendations(
        request: Request,
        user_id: UserId,
        filters: InFilters,
        n: Annotated[Length, Query()] = 20,
        offset: Annotated[Offset, Query()] = 0,
        exclude: InExclude = [],  # noqa: B006, FastAPI copies it
        segment: Annotated[Id | None, Query()] = None,
        release: Annotated[ReleaseId | None, Query()] = None,
    ) -> Response:
        """A person's list; a visitor who isn't known gets that of the segment or of everyone."""
        found = store.recommend(user_id, (), n, filters, exclude, segment, offset, True, release)
        return respond(request, found)

    @app.get("/explain/{user_id:path}", response_model=ExplanationOut)
    async def explain(
        request: Request,
        user_id: UserId,
        filters: InFilters,
        n: Annotated[Length, Query()] = 20,
        offset: Annotated[Offset, Query()] = 0,
        exclude: InExclude = [],  # noqa: B006
        session: Annotated[Ids, Query(description="The items of a visit, oldest first.")] = [],  # noqa: B006
        segment: Annotated[Id | None, Query()] = None,
        release: Annotated[ReleaseId | None, Query()] = None,
        language: Annotated[Language, Query()] = "en",
    ) -> Response:
        """The list that /recommendations gives (with `session`, that of /session), and why each item is in it."""
        asked = (user_id, session, n, filters, exclude, segment, offset, release, language)
        if written:
            # It may wait for the writer; others are answered meanwhile.
            found = await run_in_threadpool(store.explain, *asked)
            request.scope[WRITTEN] = found["writer"]
            for outcome, n_sentences in found["writer"].items():
                written.labels(outcome).inc(n_sentences)
        else:
            found = store.explain(*asked)
        request.scope[ANSWERED] = (found["release_id"], not found["items"])
        # As the answer of /assign.
        return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})

    @app.get("/similar-items/{item_id:path}", response_model=ListOut, responses=NOT_MODIFIED)
    async def similar_items(
        request: Request,
        item_id: ItemId,
        filters: InFilters,
        n: Annotated[Length, Query()] = 20,
        exclude: InExclude = [],  # noqa: B006
        user_id: Annotated[Id | None, Query()] = None,
        segment: Annotated[Id | None, Query()] = None,
        release: Annotated[ReleaseId | None, Query()] = None,
    ) -> Response:
        """What is like an item; never empty."""
        return respond(request, store.similar_items(item_id, n, filters, exclude, True, release, user_id, segment))

    @app.get("/bundles/{item_id:path}", response_model=BundlesOut, responses=NOT_MODIFIED)
    async def bundles(
        request: Request,
        item_id: ItemId,
        filters: InFilters,
        n: Annotated[Length, Query()] = 20,
        exclude: InExclude = [],  # noqa: B006
        user_id: Annotated[Id | None, Query()] = None,
        segment: Annotated[Id | None, Query()] = None,
        release: Annotated[ReleaseId | None, Query()] = None,
    ) -> Response:
        """What is bought together with an item, with the price of the two; empty where nothing is."""
        found = store.bundles(item_id, n, filters, exclude, True, release, user_id, segment)
        # The margin is the shop's own business.
        items = [{name: value for name, value in item.items() if name != "set_margin"} for item in found["items"]]
        return respond(request, {**found, "items": items})

    @app.get("/trending", response_model=ListOut, responses=NOT_MODIFIED)
    async def trending(
        request: Request,
        filters: InFilters,
        segment: Annotated[Id | None, Query()] = None,
        n: Annotated[Length, Query()] = 20,
        exclude: InExclude = [],  # noqa: B006
        release: Annotated[ReleaseId | None, Query()] = None,
    ) -> Response:
        """What is rising; empty where nothing is above its usual level."""
        return respond(request, store.trending(segment, n, filters, exclude, True, release))

    @app.get("/search", response_model=SearchOut)
    async def search(
        request: Request,
        q: Annotated[Words, Query()],
        user_id: Annotated[Id | None, Query()] = None,
        n: Annotated[Length, Query()] = 20,
        segment: Annotated[Id | None, Query()] = None,
    ) -> Response:
        """What has the words, or is near them in meaning; for a person, half in their own order."""
        # The first search of a release reads all its texts; others are answered meanwhile.
        found = await run_in_threadpool(store.search, q, user_id, n, segment)
        # No ETag: a process that reads a new release answers with the words of the one before.
        return respond(request, found, "no-store")

    @app.get("/history/{user_id:path}", response_model=HistoryOut, responses=NOT_MODIFIED)
    async def history(request: Request, user_id: UserId) -> Response:
        """What the person liked, newest first."""
        return respond(request, store.history(user_id))

    @app.get("/assign/{unit:path}", response_model=AssignmentsOut)
    async def assign(
        request: Request,
        unit: UserId,
        context: Annotated[
            str | None, Query(max_length=200, description="Whose shares count; left out = that of the person.")
        ] = None,
        experiment: Annotated[Id | None, Query(description="Of this experiment alone.")] = None,
        item_id: Annotated[
            Id | None, Query(description="Of experiments on items, too, and with the arms that the item may be in.")
        ] = None,
        release: Annotated[ReleaseId | None, Query()] = None,
    ) -> Response:
        """The arms of a person or visitor in the experiments that run now; an exposure is an event of yours."""
        found = store.assignments(unit, context, experiment, item_id, release)
        request.scope[ANSWERED] = (found["release_id"], False)
        # Experiments start and end while a release is served: no ETag.
        return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})

    endpoints |= {
        route.path: route.path.partition("/{")[0]
        for route in app.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    }

    @app.get("/categories", response_model=CategoriesOut, responses=NOT_MODIFIED)
    async def categories(request: Request) -> Response:
        """The catalogue's categories, as a filter may name them."""
        return respond(request, store.categories())

    @app.get("/people", response_model=PeopleOut, responses=NOT_MODIFIED)
    async def people(request: Request, n: Annotated[Length, Query()] = 20) -> Response:
        """Some of those who have a list, for the demonstration page."""
        return respond(request, store.people(n))

    @app.get("/health", response_model=HealthOut)
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok", "release_id": store.release()["release_id"]})

    @app.get("/release", response_model=ReleaseOut, responses=NOT_MODIFIED)
    async def release(request: Request) -> Response:
        """The release that is served."""
        return respond(request, store.release())

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """For Prometheus."""
        # Several processes add up what they count in files, and whichever is asked reads all of them.
        counted = registry
        if MULTIPROCESS in os.environ:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)
        text = b"".join(map(generate_latest, (counted, released)))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    async def demo() -> HTMLResponse:
        texts: Any = {}
        with contextlib.suppress(NoRelease):
            texts = store.read(None, lambda reader: reader.texts("en")[1])
        # Within a script no text may begin a tag.
        sentences = orjson.dumps(texts).decode().replace("<", "\\u003c")
        text = read_page("demo.html").replace(NO_REASONS, f"const reasons = {sentences};")
        has_report = (store.folder / REPORT).is_file()
        return HTMLResponse(text.replace(HIDDEN_REPORT, HIDDEN_REPORT.replace(" hidden", "")) if has_report else text)

    @app.get("/why", include_in_schema=False)
    async def why() -> HTMLResponse:
        """What /explain says, for people to read."""
        return HTMLResponse(read_page("why.html"))

    @app.get("/report", include_in_schema=False)
    async def report() -> Response:
        """The page that `kindred report` wrote."""
        path = store.folder / REPORT
        if not path.is_file():
            return problem(404, f"there is no report yet: `kindred report` writes it to {REPORT} of the serving folder")
        return FileResponse(path, media_type="text/html", headers={"Cache-Control": "no-cache"})

    return app


def read_page(name: str) -> str:
    """A page with the sheet that all pages share put in, so that a browser asks for one file."""
    sheet = (PAGES / "pages.css").read_text(encoding="utf-8")
    return (PAGES / name).read_text(encoding="utf-8").replace(SHEET_LINK, f"<style>\n{sheet}</style>")


def printable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def listening_socket(host: str, port: int, is_shared: bool) -> socket.socket:
    """A socket on an address; a shared one divides the connections evenly among those that listen there.

    Raises OSError where the address isn't free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind((host, port))
    return listening


class OwnSocket:
    """Becomes a socket of its own in each process that it is sent to.

    One socket for all would leave it to chance who takes a connection; often one process takes nearly all of them.
    """

    def __init__(self, host: str, port: int):
        self.address = (host, port)

    def __reduce__(self) -> tuple[Callable[..., socket.socket], tuple[str, int, bool]]:
        return listening_socket, (*self.address, True)


def serve(
    folder: Path, host: str, port: int, workers: int, log_folder: Path | None = None, writer: str | None = None
) -> None:
    """Answer until the process is told to end. Exits with 1 where the address isn't free.

    log_folder: where a line of each request is written; writer: module:function that writes reasons. None = as the
    environment says. Errors: RuntimeError where there is no such function.
    """
    writer = os.environ.get(WRITER) if writer is None else writer
    if writer:
        from kindred.serving.reason_writer import load

        # Said here once, not by each process that it ends.
        load(writer)
        os.environ[WRITER] = writer
    if log_folder is not None:
        os.environ[request_log.FOLDER] = str(log_folder)
    if workers > 1 and not hasattr(socket, "SO_REUSEPORT"):
        workers = 1  # Windows
    os.environ["KINDRED_SERVING_PATH"] = str(folder)
    config = uvicorn.Config(
        "kindred.serving.api:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_level="warning",
    )
    try:
        # What others listen on can't be bound like this, but could be shared with them by mistake.
        alone = listening_socket(host, port, is_shared=False)
    except OSError as error:
        sys.exit(f"kindred: {host}:{port} can't be listened on ({error.strerror}): choose another --port")
    if workers == 1:
        uvicorn.Server(config).run(sockets=[alone])
        return
    alone.close()
    with tempfile.TemporaryDirectory(prefix="kindred_metrics_") as counts:
        os.environ[MULTIPROCESS] = counts
        Multiprocess(config, sockets=[OwnSocket(host, port)]).run()  # type: ignore[list-item]
