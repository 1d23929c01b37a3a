import torch
import torch.nn.functional as F

from foleyline_training.models.diff_foley.aligner import Aligner
from foleyline_training.models.diff_foley.evaluation_classifier import EvaluationClassifier


def test_it_is_the_encoded_aligner_at_time_zero(busy, sizes):
    aligner = busy(Aligner(sizes, "encoded"))
    evaluation = EvaluationClassifier(sizes).eval()
    evaluation.load_state_dict(aligner.state_dict())
    latent, features = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 512)
    expected = F.logsigmoid(aligner(latent, torch.zeros(2), features))
    torch.testing.assert_close(evaluation(latent, features), expected)
