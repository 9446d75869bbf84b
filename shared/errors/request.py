"""Errors in what a request asks for."""

from shared.errors.base import ServiceError


class InvalidRequest(ServiceError):
    """The request is not valid."""

    code = "invalid_request"
    http_status = 422


class UnknownField(InvalidRequest):
    """There is no such field or query parameter."""

    code = "unknown_field"


class InvalidWord(InvalidRequest):
    """The word is empty, too long, or contains something that cannot be written."""

    code = "invalid_word"


class UnsupportedCharacter(InvalidRequest):
    """The word contains a character that neither the stroke data nor a font can draw."""

    code = "unsupported_character"


class TranslationRequired(InvalidRequest):
    """The lexicon does not know the word, so the request must give its meaning in English."""

    code = "translation_required"


class UnknownReading(InvalidRequest):
    """The word does not have this reading; the detail lists its readings."""

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
    """The model in use does not offer this quality."""

    code = "quality_unavailable"


class Blocked(InvalidRequest):
    """The request contains something that this deployment has blocked."""

    code = "blocked"


class WebhookNotAllowed(InvalidRequest):
    """Webhooks to this address are not allowed."""

    code = "webhook_not_allowed"


class MalformedJson(InvalidRequest):
    """The JSON is not valid, or is not an object."""

    code = "malformed_json"


class UnreadableList(InvalidRequest):
    """The list cannot be read as words."""

    code = "unreadable_list"


class BadLine(InvalidRequest):
    """This line of the list cannot be used."""

    code = "bad_line"


class NoDrawableWord(InvalidRequest):
    """The list contains no word that can be drawn."""

    code = "no_drawable_word"


class DeckTooLarge(InvalidRequest):
    """The deck has more words than this deployment accepts at once."""

    code = "deck_too_large"


class DifferentWord(InvalidRequest):
    """The job draws another word than the deck has there."""

    code = "different_word"


class InvalidCursor(InvalidRequest):
    """The cursor does not come from this list."""

    code = "invalid_cursor"
