// One small example for every loss: value and gradient as PyTorch 2.13 gives them.

import * as nn from '../../lib/index.ts';

export const LOGITS = [0.5, -1, 2, 1.5, 0.25, -0.75, -2, 0, 1, 3, -0.5, 0.125];
export const LABELS = [2, 0, 1, 0];
export const WEIGHTS = [0.5, 2, 1.25];

type Example = readonly [
  title: string,
  loss: nn.Loss,
  shape: readonly number[],
  targets: readonly number[],
  value: number,
  gradient: readonly number[],
];

export const rows = [4, 3];
export const pixels = [1, 2, 2, 3];
const soft = [0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.8, 0.1, 0.25, 0.5, 0.25];
export const shares = [0, 1, 1, 1, 0, 0, 0.25, 0.5, 1, 0, 0, 1];
const numbers = [0, -1, 2.5, 0, 0.5, 0, -2, 4, 1, 0.5, 0, 0];
// Printed by torch.nn.functional with seven digits; multi_margin_loss times the three classes.
export const examples: readonly Example[] = [
  [
    'softmaxCrossEntropy',
    nn.softmaxCrossEntropy(),
    rows,
    LABELS,
    0.5010155,
    [
      0.0438226, 0.0097781, -0.0536007, -0.0703899, 0.0514591, 0.0189308, 0.0087798, -0.1851259, 0.1763461, -0.0199274,
      0.0069476, 0.0129798,
    ],
  ],
  [
    'softmaxCrossEntropy, label smoothing',
    nn.softmaxCrossEntropy({ labelSmoothing: 0.2 }),
    rows,
    LABELS,
    0.7572656,
    [
      0.0271559, -0.0068885, -0.0202674, -0.0370566, 0.0347925, 0.0022641, -0.0078869, -0.1517926, 0.1596795, 0.0134059,
      -0.0097191, -0.0036869,
    ],
  ],
  [
    'softmaxCrossEntropy, class weights',
    nn.softmaxCrossEntropy({ classWeights: WEIGHTS }),
    rows,
    LABELS,
    0.7544783,
    [
      0.051556, 0.0115037, -0.0630597, -0.0331247, 0.0242161, 0.0089086, 0.0165266, -0.3484723, 0.3319457, -0.0093776,
      0.0032695, 0.0061081,
    ],
  ],
  [
    'softmaxCrossEntropy, class weights and label smoothing',
    nn.softmaxCrossEntropy({ classWeights: WEIGHTS, labelSmoothing: 0.2 }),
    rows,
    LABELS,
    1.0729393,
    [
      0.0437129, -0.0198689, -0.023844, 0.0079183, 0.0001083, -0.0080267, 0.007444, -0.2948859, 0.2874419, 0.0387895,
      -0.0271223, -0.0116673,
    ],
  ],
  [
    'softmaxCrossEntropy, ignore index',
    nn.softmaxCrossEntropy({ ignoreIndex: -1 }),
    rows,
    LABELS.with(1, -1),
    0.5577965,
    [
      0.0584301, 0.0130375, -0.0714677, 0.0, 0.0, 0.0, 0.0117063, -0.2468345, 0.2351282, -0.0265699, 0.0092635,
      0.0173064,
    ],
  ],
  [
    'softmaxCrossEntropy, all three',
    nn.softmaxCrossEntropy({ ignoreIndex: -1, classWeights: WEIGHTS, labelSmoothing: 0.2 }),
    rows,
    LABELS.with(1, -1),
    1.0642369,
    [
      0.0495412, -0.022518, -0.0270232, 0.0, 0.0, 0.0, 0.0084365, -0.334204, 0.3257675, 0.0439614, -0.0307386,
      -0.0132229,
    ],
  ],
  [
    'softmaxCrossEntropy of probabilities',
    nn.softmaxCrossEntropy({ targets: 'probabilities' }),
    rows,
    soft,
    1.4432031,
    [
      -0.0061774, -0.0652219, 0.0713993, -0.0703899, 0.0514591, 0.0189308, -0.0162202, -0.1351259, 0.1513461, 0.1675726,
      -0.1180524, -0.0495202,
    ],
  ],
  [
    'softmaxCrossEntropy of probabilities, class weights and label smoothing',
    nn.softmaxCrossEntropy({ targets: 'probabilities', classWeights: WEIGHTS, labelSmoothing: 0.2 }),
    rows,
    soft,
    2.3631744,
    [
      0.0290743, -0.140524, 0.1114497, 0.0084132, 0.0001151, -0.0085283, -0.0036711, -0.2449936, 0.2486647, 0.2887683,
      -0.2236067, -0.0651616,
    ],
  ],
  [
    'softmaxCrossEntropy of pixels, class weights',
    nn.softmaxCrossEntropy({ classWeights: WEIGHTS }),
    pixels,
    LABELS,
    0.7544783,
    [
      0.051556, 0.0115037, -0.0630597, -0.0331247, 0.0242161, 0.0089086, 0.0165266, -0.3484723, 0.3319457, -0.0093776,
      0.0032695, 0.0061081,
    ],
  ],
  [
    'binaryCrossEntropy',
    nn.binaryCrossEntropy(),
    rows,
    shares,
    0.8014243,
    [
      0.0518716, -0.0609215, -0.0099336, -0.0152021, 0.046848, 0.0267351, -0.0108998, 0.0, -0.0224118, 0.0793812,
      0.0314617, -0.0390659,
    ],
  ],
  [
    'binaryCrossEntropy, positive weight',
    nn.binaryCrossEntropy({ positiveWeight: 3 }),
    rows,
    shares,
    1.3790525,
    [
      0.0518716, -0.1827646, -0.0298007, -0.0456064, 0.046848, 0.0267351, -0.0475996, -0.0416667, -0.0672354, 0.0793812,
      0.0314617, -0.1171977,
    ],
  ],
  [
    'binaryCrossEntropy, positive weights',
    nn.binaryCrossEntropy({ positiveWeight: WEIGHTS }),
    rows,
    shares,
    0.931546,
    [
      0.0518716, -0.1218431, -0.012417, -0.0076011, 0.046848, 0.0267351, -0.0017248, -0.0208333, -0.0280147, 0.0793812,
      0.0314617, -0.0488324,
    ],
  ],
  ['hinge', nn.hinge(), rows, LABELS, 0.5, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.25, 0.25, 0.0, 0.0, 0.0]],
  [
    'hinge, margin 0.5, pixels',
    nn.hinge({ margin: 0.5 }),
    pixels,
    LABELS,
    0.375,
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.25, 0.25, 0.0, 0.0, 0.0],
  ],
  [
    'meanSquaredError',
    nn.meanSquaredError(),
    rows,
    numbers,
    2.157552,
    [0.0833333, 0.0, -0.0833333, 0.25, -0.0416667, -0.125, 0.0, -0.6666667, 0.0, 0.4166667, -0.0833333, 0.0208333],
  ],
  [
    'meanAbsoluteError',
    nn.meanAbsoluteError(),
    rows,
    numbers,
    0.8854167,
    [
      0.0833333, 0.0, -0.0833333, 0.0833333, -0.0833333, -0.0833333, 0.0, -0.0833333, 0.0, 0.0833333, -0.0833333,
      0.0833333,
    ],
  ],
  [
    'huber',
    nn.huber(),
    rows,
    numbers,
    0.5996094,
    [
      0.0416667, 0.0, -0.0416667, 0.0833333, -0.0208333, -0.0625, 0.0, -0.0833333, 0.0, 0.0833333, -0.0416667,
      0.0104167,
    ],
  ],
  [
    'huber, delta 0.4',
    nn.huber({ delta: 0.4 }),
    rows,
    numbers,
    0.2982552,
    [
      0.0333333, 0.0, -0.0333333, 0.0333333, -0.0208333, -0.0333333, 0.0, -0.0333333, 0.0, 0.0333333, -0.0333333,
      0.0104167,
    ],
  ],
  [
    'smoothL1, beta 0.4',
    nn.smoothL1({ beta: 0.4 }),
    rows,
    numbers,
    0.7456381,
    [
      0.0833333, 0.0, -0.0833333, 0.0833333, -0.0520833, -0.0833333, 0.0, -0.0833333, 0.0, 0.0833333, -0.0833333,
      0.0260417,
    ],
  ],
  [
    'dice of sigmoids',
    nn.dice(),
    pixels,
    shares,
    0.3773617,
    [
      0.0093095, -0.0236039, -0.0064009, -0.0149726, 0.0094394, 0.0091892, 0.0004844, -0.0102128, -0.0119864, 0.0017896,
      0.0090125, -0.0151818,
    ],
  ],
  [
    'dice of a softmax',
    nn.dice({ activation: 'softmax' }),
    pixels,
    LABELS,
    0.2691619,
    [
      0.0245813, 0.0062016, -0.030783, -0.0307824, 0.0232517, 0.0075307, 0.0021129, -0.0479497, 0.0458368, -0.0107839,
      0.0040043, 0.0067796,
    ],
  ],
];
