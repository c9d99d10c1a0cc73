/** True only for the same type, `any` apart from everything else. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where `T` is true: `check<Same<typeof x, string>>()`. */
export declare function check<T extends true>(): T;
