from pathlib import Path

from foleyline_training.corpus.materials import MATERIAL_NAMES, MATERIALS


def test_names_and_categories_are_unique() -> None:
    categories = [category for material in MATERIALS for category in material.categories]
    assert len(set(MATERIAL_NAMES)) == len(MATERIAL_NAMES)
    assert len(set(categories)) == len(categories)


def test_corpus_needs_no_torch() -> None:
    folder = Path(__file__).parents[3] / "training/foleyline_training/corpus"
    for source in folder.rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        assert "import torch" not in text
        assert "import av" not in text or source.name == "clip_file.py"
