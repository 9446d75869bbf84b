"""Validation of a request that the schema cannot do, because it needs settings, data files or the workers' state."""

from shared.errors import Blocked, InvalidRequest, MethodUnavailable, QualityUnavailable
from shared.queue.webhook_targets import parse_target
from shared.queue.workers import WorkerRegistry
from shared.schemas import AI_METHODS, GenerationRequest
from shared.settings import Settings
from shared.styles import find_style
from shared.writing.blocklist import Blocklist
from shared.writing.dictionaries import Dictionaries
from shared.writing.fonts import FontCoverage
from shared.writing.imagery import Imagery
from shared.writing.meanings import find_meaning
from shared.writing.words import Meaning, check_coverage, resolve_imagery


class RequestValidator:
    """A validator of requests against what this deployment can draw."""

    def __init__(
        self,
        *,
        settings: Settings,
        registry: WorkerRegistry,
        dictionaries: Dictionaries,
        fonts: tuple[FontCoverage, ...],
        imagery: Imagery,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._dictionaries = dictionaries
        self._fonts = fonts
        self._imagery = imagery
        self._blocklist = Blocklist(settings.api.blocked_words)

    def check(self, request: GenerationRequest) -> Meaning:
        """Validate a request and return its word's meaning.

        Raises:
            InvalidRequest: the word cannot be drawn, its meaning is not known, the style, quality, method or webhook is
                not available, or it asks for more than the operator allows.
            redis.RedisError: Redis does not answer which methods the workers can run.
        """
        if request.style is not None:
            find_style(request.style, self._settings.styles)
        self._check_quality(request)
        self._check_limits(request)
        meaning = self.meaning(request)
        resolve_imagery(request.word, meaning, request.imagery, self._imagery)
        self.check_webhook(request.webhook_url)
        self._check_methods(request)
        return meaning

    def meaning(self, request: GenerationRequest) -> Meaning:
        """Return the meaning of a request's word.

        Raises:
            InvalidRequest: the word is blocked or cannot be drawn, or its meaning is not known.
        """
        self._check_blocked(request)
        database = self._dictionaries.of(request.word, request.language, request.reading)
        check_coverage(request.word, self._dictionaries.strokes(database.language), self._fonts)
        return find_meaning(
            request.word,
            request.translation,
            self._dictionaries,
            reading=request.reading,
            language=request.language,
            translation_language=request.translation_language,
        )

    def check_webhook(self, url: str | None) -> None:
        """Validate a webhook's URL, if there is one.

        Raises:
            WebhookNotAllowed: it is not an https URL of an allowed host.
        """
        if url is not None:
            parse_target(url, self._settings.webhooks)

    def _check_quality(self, request: GenerationRequest) -> None:
        offered = self._settings.active_model.qualities
        if request.quality not in offered:
            missing = f"model {self._settings.model} has no quality {request.quality.value!r}"
            raise QualityUnavailable(f"{missing}; available: {', '.join(offered)}", field="quality")

    def _check_limits(self, request: GenerationRequest) -> None:
        """Refuse what costs more than the operator allows."""
        limits = self._settings.api
        attempts = request.legibility.max_attempts if request.legibility else 1
        for field, asked, most in (
            ("width", request.width, limits.max_side),
            ("height", request.height, limits.max_side),
            ("num_inference_steps", request.num_inference_steps, limits.max_steps),
            ("variations", request.variations, limits.max_variations),
            ("legibility.max_attempts", attempts, limits.max_attempts),
        ):
            if asked is not None and asked > most:
                raise InvalidRequest(
                    f"{field}: this deployment allows at most {most}", field=field, code="out_of_range"
                )

    def _check_blocked(self, request: GenerationRequest) -> None:
        """Refuse what the operator has blocked: in the word, its description, and its meanings in all languages."""
        if self._blocklist.is_empty:
            return
        texts = [("translation", request.translation), ("word", request.word)]
        texts += [("word", gloss) for one in self._dictionaries.values() for gloss in one.glosses(request.word)]
        motifs = () if isinstance(request.imagery, str) else request.imagery
        texts += [("imagery", name.replace("-", " ")) for name in motifs]
        texts += [("imagery", self._imagery.phrase(found)) for found in map(self._imagery.find, motifs) if found]
        for field, text in texts:
            if self._blocklist.blocks(text):
                raise Blocked("this deployment does not draw that", field=field)

    def _check_methods(self, request: GenerationRequest) -> None:
        """Refuse a method that no live worker can run. Without workers, the job waits for one that can."""
        asked = [
            (control_type, method)
            for control_type, methods in request.conditioning_methods.items()
            for method in AI_METHODS.intersection(methods)
        ]
        unavailable = self._registry.unavailable_methods() if asked else {}  # it takes a call to Redis
        for control_type, method in asked:
            if method in unavailable:
                raise MethodUnavailable(
                    f"{method}: {unavailable[method]}", field=f"conditioning_methods.{control_type}"
                )
