// The console's only code from others: ci/vendor.sh bundles what is exported here into one file.
import { h } from 'preact';
import htm from 'htm';

/** Markup from a template literal. Values become text nodes, attributes or children, never markup. */
export const html = htm.bind(h);
export { Fragment, render } from 'preact';
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal, useSignal } from '@preact/signals';
