"""From a folder of anybody's videos to shards that training reads.

``videos.py`` and ``sounds.py`` read one file by its time stamps, ``clips.py`` cuts it,
``shards.py`` writes, ``plan.py`` shares the work out, ``workers.py`` does it in processes that may
die, ``prepare.py`` is the story. ``lists.py`` reads the lists of VGGSound and AudioSet.
``data/prepared_files.py`` opens what comes out. Nothing here needs torch.
"""
