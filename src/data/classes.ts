/** Image classes, in the order of the classifier's logits. */
export const CLASSES = ['none', 'benign-like', 'malignant-like'] as const;
export type ClassToken = (typeof CLASSES)[number];

/** Channels of every segmentation map, in order. */
export const SEGMENTATION_CHANNELS = ['benign-like', 'malignant-like'] as const;
export type LesionClass = (typeof SEGMENTATION_CHANNELS)[number];
