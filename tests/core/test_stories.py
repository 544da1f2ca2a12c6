"""Plays of the simulator that once broke something, by what that was; and some that never did."""

import pytest

from tests.core.simulation.play import broken

FOUND = {
    7: "a heartbeat at the very instant at which a span was over took the timer's word away",
    155: "what became movable while its node was held was seen by a restarted reactor only",
    468: "a run lost across a deploy was tried again with the new code at the old code's cut",
    592: "hours that ended while a node waited for its turn left its wave asleep",
    933: "the same, for every wave below",
    2158: "a free move of one wave didn't wake another that slept",
    3144: "the same, across hours",
    100_515: "due times were worked out again only where a replica remembered a sum of work",
    100_815: "the same, with another node's",
    101_618: "what read an asset while it was Manual was taken to be right at what is above it afterwards",
    101_651: "the same: its next change marked nothing",
    102_113: "a Manual asset's new duration was added to its readers' work, though no wave of theirs runs it",
    102_566: "three waves' requests stood before its own, and a promise of 3.7 times its path was missed",
    104_226: "the same, behind a run that may begin each 30 s only",
    105_333: "new code was run at a cut from before its deploy, in a wave that had joined others'",
    105_358: "the same: the asset had been a source at that cut",
    121_281: "what was fresh and commanded to run within the span since its last run slept for good",
    122_510: "the same",
    160_947: "a computation's run ended after a deploy had put others above it, and its outputs named these",
    103_413: "a run that was lost just before a deploy was never granted again",
    200_005: "what came to be above a window didn't lengthen its path",
    200_006: "windows read partitions of a Manual asset that were never published, and the fold ended",
    200_013: "a window with something more to read forgot since when it was stale",
    200_018: "a window that could run waited for a new day that lacked an input",
    200_019: "a change that equalled another partition's was nothing new to who reads all partitions",
    200_023: "the first change of a source that existed didn't reach the windows over it",
    200_591: "a node that had waited since a deploy was news to the one that reads its own name's all along",
    200_796: "a deploy had a partition read less: each later cut seemed to go back, and no grant was accepted any more",
    200_922: "a window that lookback had left out by then was still planned for, and judged, as promised",
    310_097: "a deploy had a backfill run anew what was in flight for it",
    301_910: "a forced backfill ran again what another wave had run since it was commanded",
    330_654: "a backfill of which a deploy left nothing, nor any other node, went on for ever",
    502_157: "a wave joined a cut at which an output was quarantined, left it, and joined it again without end",
    504_606: "a wave due with others missed their cut, floated, had all looked at again, and broke a promise",
    503_145: "the checker had no grant proposed before a free move took in a part of what it covers",
    600_872: "to a judge, two deps on one asset that became one were new code",
    601_269: "to a judge, who no longer was Eager had been late since a look from before",
    508_159: "a wave joined a cut from before there was the first version of a source that it reads",
    510_540: "outputs of a run that a deploy overtook were moved as though the new graph's",
    510_936: "a forced backfill ran again what was in flight since it was commanded",
    512_770: "the same as 510540",
    514_464: "what a full pool kept from a commanded run had the waves below propose its free move without end",
    517_725: "a join rode along at a cut from before a deploy that changed what is above it, on mixed inputs",
    519_507: "a forced backfill ran again what a check had held back",
    520_381: "to a judge, a promise wasn't tight that is kept only if no other wave takes the next turn of what rests",
    524_159: "to a judge, what requires all of its inputs, and is looked at itself, was never stale",
    524_741: "what failed after a deploy by which nobody needs it was run again after its cool-down",
    525_649: "a wave due with others floated, for a free move elsewhere had made theirs no newest cut any more",
    526_089: "the checker had old commits of what a deploy put above an asset owed, though its policy ignores code",
    526_410: "after a deploy that removes a partition whose change was the newest, what read it ran for ever",
    530_341: "partitions that a command made together took each other's path for shorter than it is",
    547_948: "a version stood at a newer cut without a run, though it held a window that a deploy took away",
    552_313: "what reads a held output, commanded to run while that is made again, was given up",
    555_230: "what reads a follower by another way too wasn't told of a look while a wave was at work for it",
    557_463: "a backfill ran what a command had run during its pause, and what was stale again",
    700_024: "an output that requires all wasn't told of a change past a look while a wave was at work for it",
    704_616: "what failed before its first version was passed over, where a partition came to be above it just then",
    705_049: "what was run again by command, and cancelled, left what went along with it parked",
    707_390: "to the checker, nobody had asked a computation of which a deploy took the output that was asked",
    708_175: "publications by partition, from before the asset was Manual, had other numbers than they came in",
    709_778: "to a judge, what is looked at was overdue, outside of the hours of what is above it",
    710_509: "to the checker, what read all partitions had read the whole, once a deploy made that Manual",
    714_936: "a source was looked at without a pause for an output that a check holds back",
    715_704: "the same after one run that took a day, until five runs were seen",
    722_168: "to a judge, a window was as late as before the deploy that had it read another partition at second hand",
    723_122: "to a judge, what requires all had changed since before a deploy by which one input heeds that change",
    723_604: "a cancelled backfill's wave, whose run newer commits had overtaken, ran again and again",
    739_137: "to a judge, an asset that became partitioned had other code, though it reads what it read",
    742_129: "a partition that failed was tried again after a deploy for promises of other partitions",
    578_132: "to a judge, a paused output came by its run's graph to what it took of it after a deploy",
    587_111: "to a judge, a run in flight across a deploy was as late as what its partition has read since",
    622_127: "what reads a Manual partition was stale as soon as that was there to be made, and not once it was made",
    625_785: "what reads something else since a deploy, and heeds no new code, wasn't told of a change that came then",
    646_343: "once restored, a reactor took what had failed for ahead of its inputs since a deploy, and tried it again",
    900_028: "what became a source was there no more to its readers, though its version was",
    910_069: "to the checker, what was a source before it was looked at was not there as one again",
    901_062: "to the checker, new code made no partition late that was among the newest when the deploy came",
    901_476: "what was commanded of a paused asset was run as that was made by a computation: granted for ever",
    901_741: "to the checker, a change that was refused was a repeat once it was said again of a source",
    901_824: "to the checker, what was declared to exist once had no version as a source again",
    902_420: "to a judge, a partition of an output was worth what a worker makes of the whole",
    1_000_255: "to the checker, a partition owed what it reads through an ignored input alone",
    1_003_459: "an output had other partitions than its computation, and a run of it stopped the domain",
    1_015_719: "to a judge, a promise that can't be kept, below a source that is looked at, was late in the end",
    1_015_804: "where slots are few, a promise that can't be kept had others' sources looked at without a pause",
    1_016_181: "an Eager partition that lookback leaves out went along when a source above it was looked at",
    1_016_813: "in the end, what was made while an output was paused was held back, and nobody asked for it again",
    1_030_033: "to the checker, what became a source was there, though none of what was made of it is declared still",
    950_245: "what was a source once more was counted from where it had been as one before",
    302_094: "a run in flight across a deploy that narrows a mapping stood for more than was read of it then",
    731_494: "a partition that had failed was wanted by a backfill, but what is new to it wasn't worked out again",
}

PARTITIONED = range(200_000, 200_015)
"""plays whose assets have partitions"""


@pytest.mark.parametrize("seed", FOUND, ids=lambda seed: f"seed {seed}")
def test_what_was_found_once_stays_mended(seed: int) -> None:
    assert broken(seed) == []


PLAYED = (
    range(20_000, 20_020),
    range(100_000, 100_010),
    range(150_000, 150_005),
    range(160_000, 160_005),
    range(180_000, 180_003),
    range(600_000, 602_000),  # brief ones
    range(799_000, 799_200),  # dense ones
    range(990_000, 990_040),  # rebuilt ones
    range(1_090_000, 1_090_040),  # upturned ones
)


@pytest.mark.parametrize("seed", [*(seed for some in PLAYED for seed in some), *PARTITIONED])
def test_a_random_story_breaks_nothing(seed: int) -> None:
    assert broken(seed) == []
