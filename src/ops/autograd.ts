// Reverse-mode differentiation: walks the graph of a result from its end to its leaves and sums what arrives at each.
// Not here: the gradient rules, which stand beside each operation.
import { MelgradError, ShapeError } from "../gpu/errors.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { combine } from "./elementwise.js";
import { runElements } from "./launch.js";
import { byRows } from "./pieces.js";

/** target += source, in place and outside the graph. Both of the same shape. */
export function accumulate(target: Tensor, source: Tensor): void {
  const { device } = target.gpu;
  const kernel = device.kernel("elementwise/accumulate");
  byRows(target.size, [source, target], (parts, size) => {
    runElements(kernel, parts, size);
  });
}

/** Tensors that gradients flow through, every one after all that it was computed from. */
function graphOf(root: Tensor): Tensor[] {
  const order: Tensor[] = [];
  const state = new Map<Tensor, "open" | "done">();
  const stack: Tensor[] = [root];
  while (stack.length > 0) {
    const tensor = stack[stack.length - 1];
    const seen = state.get(tensor);
    if (seen === "done") {
      stack.pop();
    } else if (seen === "open") {
      stack.pop();
      state.set(tensor, "done");
      order.push(tensor);
    } else {
      state.set(tensor, "open");
      for (const input of tensor.node?.inputs ?? []) {
        if (input.requiresGrad && !state.has(input)) stack.push(input);
      }
    }
  }
  return order;
}

/**
 * Fills `grad` of every leaf that `root` depends on, adding to what is there. `root` must be a single number unless
 * `seed`, the gradient of `root` itself, is given.
 */
export function backward(root: Tensor, seed?: Tensor): void {
  if (!root.requiresGrad) {
    throw new MelgradError("backward() needs a result that depends on a tensor with requiresGrad.");
  }
  if (seed ? !sameShape(seed.shape, root.shape) : root.size !== 1) {
    throw new ShapeError(
      seed
        ? `backward(): the seed is ${formatShape(seed.shape)} but the result is ${formatShape(root.shape)}.`
        : `backward() needs a single number, not ${formatShape(root.shape)}: reduce it, or pass a gradient for it.`,
    );
  }
  const { gpu } = root;
  gpu.noGrad(() => {
    const pending = new Map<Tensor, { grad: Tensor; owned: boolean }>();
    pending.set(root, { grad: seed ?? gpu.ones(root.shape), owned: false });
    for (const tensor of graphOf(root).reverse()) {
      const arrived = pending.get(tensor);
      if (!arrived) continue;
      pending.delete(tensor);
      const { node } = tensor;
      if (!node) {
        settleLeaf(tensor, arrived.grad);
        continue;
      }
      // A parameter that is used once can have its gradient written straight into its slot.
      const into = node.inputs.map((input, i) => {
        const first = !input.grad && !pending.has(input) && node.inputs.indexOf(input) === i;
        return first ? input.gradSlot : undefined;
      });
      const grads = node.backward(arrived.grad, into);
      node.inputs.forEach((input, i) => {
        const grad = grads[i];
        if (!input.requiresGrad || !grad) return;
        if (!sameShape(grad.shape, input.shape)) {
          throw new ShapeError(
            `The gradient of ${node.op}'s input ${i} is ${formatShape(grad.shape)}, not ${formatShape(input.shape)}.`,
          );
        }
        const before = pending.get(input);
        if (!before) {
          pending.set(input, { grad, owned: grad === input.gradSlot });
        } else if (before.owned) {
          accumulate(before.grad, grad);
        } else {
          // What arrived first may be shared with another input, so the sum goes to memory of its own.
          pending.set(input, { grad: combine("a + b", before.grad, grad), owned: true });
        }
      });
    }
  });
}

function settleLeaf(leaf: Tensor, grad: Tensor): void {
  if (leaf.grad) {
    accumulate(leaf.grad, grad);
  } else if (leaf.gradSlot) {
    if (grad !== leaf.gradSlot) leaf.gpu.device.copy(grad.block, leaf.gradSlot.block, grad.byteLength);
    leaf.grad = leaf.gradSlot;
  } else {
    leaf.grad = copyOf(grad).keep();
  }
}

function copyOf(tensor: Tensor): Tensor {
  const copy = tensor.gpu.empty(tensor.shape);
  tensor.gpu.device.copy(tensor.block, copy.block, tensor.byteLength);
  return copy;
}
