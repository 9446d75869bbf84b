"""The wire schemas: request, result, job, GPU and worker status. All are frozen and refuse unknown fields."""

from shared.schemas.base import RequestModel, Schema
from shared.schemas.conditioning import AI_METHODS, CONDITIONING_METHODS, CONTROL_TYPES, ControlType
from shared.schemas.job import JobAccepted, JobStatus, JobView, Progress
from shared.schemas.lexicon import LanguageView, Motifs, MotifView, Senses, SenseView
from shared.schemas.metadata import GenerationMetadata
from shared.schemas.problem import JobError, Problem
from shared.schemas.request import (
    LONGEST_MOTIF_NAME,
    LONGEST_READING,
    LONGEST_TRANSLATION,
    MAX_VARIATIONS,
    SIDE_LIMITS,
    DrawingOptions,
    GenerationRequest,
    LegibilityTarget,
    MotifNames,
    Priority,
    Quality,
    StyleName,
    Weight,
    WordToDraw,
    read_imagery_field,
)
from shared.schemas.result import AIGenerationResult, ResultLinks, Variation, VariationLink
from shared.schemas.service import Counts, DetailedHealth, RecentFailure, RequestLimits, ServiceStatus, StyleView
from shared.schemas.worker import GPUStatus, WorkerInfo, WorkerState

__all__ = [
    "AI_METHODS",
    "CONDITIONING_METHODS",
    "CONTROL_TYPES",
    "LONGEST_MOTIF_NAME",
    "LONGEST_READING",
    "LONGEST_TRANSLATION",
    "MAX_VARIATIONS",
    "SIDE_LIMITS",
    "AIGenerationResult",
    "ControlType",
    "Counts",
    "DetailedHealth",
    "DrawingOptions",
    "GPUStatus",
    "GenerationMetadata",
    "GenerationRequest",
    "JobAccepted",
    "JobError",
    "JobStatus",
    "JobView",
    "LanguageView",
    "LegibilityTarget",
    "MotifNames",
    "MotifView",
    "Motifs",
    "Priority",
    "Problem",
    "Progress",
    "Quality",
    "RecentFailure",
    "RequestLimits",
    "RequestModel",
    "ResultLinks",
    "Schema",
    "SenseView",
    "Senses",
    "ServiceStatus",
    "StyleName",
    "StyleView",
    "Variation",
    "VariationLink",
    "Weight",
    "WordToDraw",
    "WorkerInfo",
    "WorkerState",
    "read_imagery_field",
]
