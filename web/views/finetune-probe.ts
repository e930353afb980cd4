// The probe that was trained last in this visit, for views that classify. The probe itself is in the worker.
import { signal } from "@preact/signals";
import type { FineTuneResult } from "../protocol.js";

export const trainedProbe = signal<FineTuneResult | undefined>(undefined);
