// The networks that the command line knows by name.

import { airbenchRecipe } from './airbench.ts';
import { cnnRecipe } from './cnn.ts';
import { lenet5Recipe } from './lenet5.ts';
import type { Recipe } from './recipe.ts';
import { smallVggRecipe } from './small-vgg.ts';

export const recipes = {
  lenet5: lenet5Recipe,
  cnn: cnnRecipe,
  vgg: smallVggRecipe,
  airbench: airbenchRecipe,
} as const satisfies Readonly<Record<string, Recipe>>;
export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as RecipeName[];
