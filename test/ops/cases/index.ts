// All cases of all ops.

import type { OpCase } from '../op-case.ts';
import { cases as activation } from './activation.ts';
import { cases as adaptivePooling } from './adaptive_pool2d.ts';
import { cases as arithmetic } from './arithmetic.ts';
import { cases as batchNorm } from './batch_norm2d.ts';
import { cases as classification } from './classification.ts';
import { cases as conv } from './conv2d.ts';
import { cases as elementwise } from './elementwise.ts';
import { cases as matrix } from './matrix.ts';
import { cases as normalization } from './normalization.ts';
import { cases as optimizers } from './optimizers.ts';
import { cases as pad } from './pad.ts';
import { cases as pooling } from './pooling.ts';
import { cases as resize } from './resize2d.ts';
import { cases as structure } from './structure.ts';

export const allCases: readonly OpCase[] = [
  ...conv,
  ...matrix,
  ...elementwise,
  ...activation,
  ...classification,
  ...batchNorm,
  ...normalization,
  ...pooling,
  ...adaptivePooling,
  ...optimizers,
  ...structure,
  ...arithmetic,
  ...pad,
  ...resize,
];
