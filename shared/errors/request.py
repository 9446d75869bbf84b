"""Faults of what a request asks for."""

from shared.errors.base import ServiceError


class InvalidRequest(ServiceError):
    """The request is not valid."""

    code = "invalid_request"
    http_status = 422


class InvalidWord(InvalidRequest):
    """The word is empty, too long, or holds something that cannot be written."""

    code = "invalid_word"


class UnsupportedCharacter(InvalidRequest):
    """The word holds a character that neither the stroke data nor a font can draw."""

    code = "unsupported_character"


class TranslationRequired(InvalidRequest):
    """The lexicon does not know the word, so the request has to say what it means, in English."""

    code = "translation_required"


class UnknownReading(InvalidRequest):
    """The word is not read so; the detail lists its readings."""

    code = "unknown_reading"


class InvalidImagery(InvalidRequest):
    """Imagery is "auto", "none", or a list of one to three different motifs."""

    code = "invalid_imagery"


class UnknownImagery(InvalidRequest):
    """There is no motif of that name; the detail lists the nearest ones."""

    code = "unknown_imagery"


class UnknownStyle(InvalidRequest):
    """There is no style of that name."""

    code = "unknown_style"


class MethodUnavailable(InvalidRequest):
    """A conditioning method cannot run in this deployment."""

    code = "method_unavailable"


class PromptTooLong(InvalidRequest):
    """The text is longer than the model's text encoders can read."""

    code = "prompt_too_long"


class QualityUnavailable(InvalidRequest):
    """No such quality is offered for the model in use."""

    code = "quality_unavailable"


class Blocked(InvalidRequest):
    """This deployment does not draw that."""

    code = "blocked"


class WebhookNotAllowed(InvalidRequest):
    """Webhooks may not go there."""

    code = "webhook_not_allowed"


class MalformedJson(InvalidRequest):
    """The body is not a JSON object."""

    code = "malformed_json"


class UnreadableList(InvalidRequest):
    """Nobody can tell which words the list holds."""

    code = "unreadable_list"


class BadLine(InvalidRequest):
    """This line of the list gives no word."""

    code = "bad_line"


class NoDrawableWord(InvalidRequest):
    """The list holds no word that can be drawn."""

    code = "no_drawable_word"


class DeckTooLarge(InvalidRequest):
    """The deck has more words than this deployment takes at once."""

    code = "deck_too_large"


class InvalidCursor(InvalidRequest):
    """The cursor is none that this list has given."""

    code = "invalid_cursor"
