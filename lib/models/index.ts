// The networks that the command line knows by name.

import { airbench } from './airbench.ts';
import { cnn } from './cnn.ts';
import { lenet5 } from './lenet5.ts';
import type { Recipe } from './recipe.ts';
import { vgg } from './vgg.ts';

export const recipes = { lenet5, cnn, vgg, airbench } as const satisfies Readonly<Record<string, Recipe>>;
export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as RecipeName[];
