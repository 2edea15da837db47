"""What results.json holds, key by key: `Results` is the whole file.

The records are the schema, with which `train.results_file` compares data. A number that cannot be
known is null.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from empathy_loop.train.schema_parts import Estimate, Profiles, Score
from empathy_loop.train.schema_sweeps import Sweeps

Partners = Literal["self_play", "train", "heldout"]
Source = Literal["belief", "probe", "filter"]


class Shift(TypedDict):
    """One shift of the evaluation."""

    name: str
    """Family and severity."""
    family: str
    """Its family."""
    severity: float
    """Share of the agents or stations that it affects."""
    trained: bool
    """Whether training met the family."""
    scored: bool
    """Whether it enters sums over shifts and tests."""
    recovery_limit: int | None
    """Steps up to which recovery times are averaged."""


class Arm(TypedDict):
    """One arm, random first and oracle last."""

    name: str
    """Its name."""
    seeds: int
    """How many of its runs are finished."""
    weights: int | None
    """With how many weights one agent acts; null where nothing is learned."""


class InTeam(TypedDict, total=False):
    """What files of version 0.1.0 do not say of a difference."""

    team: str
    """Name in TEAMS of the company in which it is; self_play where none is named."""


class Difference(InTeam):
    """Two arms compared."""

    claim: str
    """Arm that should be better."""
    baseline: str
    """Arm that it is compared with."""
    shift: str
    """Name of a shift, or "all shifts"."""
    measure: Literal["aurc", "deficit"]
    """What is compared."""
    seeds: list[int]
    """Runs of each of the two."""
    difference: Estimate
    """Claim minus baseline."""
    p_improvement: Estimate
    """Probability that a run of the claim is the better one."""


class Contrast(Difference):
    """One test of a claim."""

    p_value: float
    """Of the exact Mann-Whitney test, two-sided."""
    p_holm: float
    """The same, corrected over all tests of the file."""
    p_reachable: float
    """The least p_holm that so few seeds allow."""


class Learning(TypedDict):
    """Welfare of an arm in training."""

    steps: list[float]
    """Agent steps of each point."""
    seeds: list[str]
    """Seed of each list in runs."""
    runs: list[list[float]]
    """Episode welfare at each point, one list for each seed."""
    mean: list[float | None]
    """Their mean."""
    low: list[float | None] | None
    """Low ends; null with fewer than two seeds."""
    high: list[float | None] | None
    """High ends."""


class Recovery(TypedDict):
    """Normalised level of an arm around a shift."""

    mean: list[float | None]
    """At each offset."""
    low: list[float | None] | None
    """Low ends; null with fewer than two seeds."""
    high: list[float | None] | None
    """High ends."""
    twin: list[float | None]
    """The mean without the shift."""


class Recoveries(TypedDict):
    """What happens around one shift."""

    offset: list[int]
    """Steps since the shift."""
    smoothing: int
    """Steps over which levels are smoothed."""
    arms: dict[str, Recovery]
    """Arm to its curve; anchors are 0 and 1 throughout."""


class Bins(TypedDict):
    """How often what was believed was true, all seeds together."""

    mean_p: list[float | None]
    """Mean probability of a crisis in each bin; null in an empty one."""
    share_true: list[float | None]
    """Share that was one."""
    num_entries: list[int]
    """Entries in each bin."""


class Team(TypedDict):
    """What all arms score in one team; anchors are those of the same team."""

    scores: dict[str, dict[str, dict[str, Score]]]
    """As in `Results`."""
    overall: dict[str, dict[str, Score]]
    """As in `Results`."""
    families: dict[str, dict[str, Score]]
    """As in `Results`."""


class PairMeans(TypedDict, total=False):
    """What older files do not sum up of a matrix: means over pairs that are known."""

    with_copies: float | None
    """Level among copies of one seed."""
    with_another: float | None
    """Level with one partner of another seed."""
    gap: float | None
    """The first minus the second."""


class CrossPlay(PairMeans):
    """How an arm fares beside other seeds of itself."""

    seeds: list[int]
    """Its seeds."""
    level: list[list[float | None]]
    """level[i][j]: over whole episodes without a shift, of seeds[i] in all seats but the last,
    which seeds[j] plays."""


class Continued(TypedDict):
    """What more training under a held-out shift brings; before it, all adaptation is in context."""

    steps: int
    """Agent steps that were added."""
    shift: str
    """Name of the shift under which they were made, and on which arms are scored."""
    arms: dict[str, dict[Literal["aurc", "deficit"], dict[Literal["before", "after"], Score]]]
    """Learned arm to measure to score."""


class Speed(TypedDict):
    """Thousands of agent steps until a level of welfare is reached in training."""

    limit: float
    """Steps up to which all are followed, in thousands."""
    levels: list[float]
    """The levels, between random (0) and oracle (1)."""
    welfare: dict[str, float]
    """Level to its welfare."""
    arms: dict[str, dict[str, Score]]
    """Learned arm to level to its steps; null for a seed that never reached it."""


class Optional(TypedDict, total=False):
    """What not every file has; files of version 0.1.0 have none of it."""

    tested: str
    """Which differences are tested, in a sentence."""
    differences: list[Difference]
    """Those that are not tested."""
    teams: dict[str, Team]
    """Team other than self_play, which all else is about, to what arms score there."""
    cross_play: dict[str, CrossPlay]
    """Learned arm to its matrix."""
    lesions: dict[str, dict[str, dict[str, Score]]]
    """Learned arm to name of LESIONS to shift, "all shifts" or "none": the deficit with the lesion
    minus the arm's own; none: what the lesion costs without a shift."""
    continued: Continued | None
    """Continued training, if there was any."""
    speed: Speed | None
    """How fast arms learned, where random and oracle were played in the world of training."""
    made_with: dict[str, str]
    """Versions of Python and of the packages that the numbers were made with."""
    sweeps: Sweeps | None
    """What came out under other circumstances, if there were any."""
    profiles: Profiles
    """Of the AURC of runs x scored shifts."""
    reliability: dict[str, dict[Partners, dict[Source, Bins]]]
    """The reliability diagrams that belong to `beliefs`."""


class Results(Optional):
    """The file. Shifts, arms, measures and families are named by their names."""

    name: str
    """Name of the comparison."""
    summary: str
    """What it asks, in a line."""
    headline: str
    """What was found, in sentences made from the numbers below."""
    shifts: list[Shift]
    """Shifts of the evaluation."""
    arms: list[Arm]
    """All arms, those without a finished run included."""
    scores: dict[str, dict[str, dict[str, Score]]]
    """Arm to shift to name of MEASURES; arms without a finished run are absent."""
    overall: dict[str, dict[str, Score]]
    """Arm to name of OVERALL, over all scored shifts."""
    families: dict[str, dict[str, Score]]
    """Arm to shift family: the mean AURC over its severities."""
    intervals: str
    """How the intervals are made, in a sentence."""
    contrasts: list[Contrast]
    """The tests."""
    not_significant: list[str]
    """Sentences on the contrasts with p_holm above 0.05."""
    beliefs: dict[str, dict[Partners, dict[Source, dict[str, Score]]]]
    """Learned arm to partners to source to name of QUALITIES: what it knows of others' needs, in
    the evaluation at the end of its runs."""
    learning: dict[str, Learning]
    """Learned arm to its curve."""
    references: dict[str, float]
    """Arm that does not learn to its episode welfare in the world of training."""
    recovery: dict[str, Recoveries]
    """Shift to the curves around it."""
    episode: str
    """What the animated episode shows."""
    failures: dict[str, str]
    """Name of a run to why it failed."""
    limits: list[str]
    """Sentences on what the numbers do not show."""
    command: str
    """What makes all this again."""
    version: str
    """Version of the package."""
    fingerprint: str
    """Hash of the settings."""
