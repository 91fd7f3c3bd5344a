// What an operator of ONNX is: a function that emits the ops of one node, or computes its numbers, and returns its outputs.

import type { NodeCall } from '../node-call.ts';
import type { Value } from '../value.ts';

export type Operator = (call: NodeCall) => Value | readonly Value[];

export type OperatorTable = Readonly<Record<string, Operator>>;
