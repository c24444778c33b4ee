// The order of a transform's butterflies, for elements of Fr and of any group that Fr acts on.
//
// A block of a layer holds a polynomial modulo X^(2 h) - s^2, as 2 h coefficients. Its halves modulo X^h - s
// and X^h + s are low + s high and low - s high. s is the node of place 2 b, b the number of the block: that
// follows from the order of the nodes alone, whatever the size of the domain.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <span>

#include "assay/field.h"

namespace assay::field {

/// 1 / even_nodes[b]. Backwards, the bits of b below its highest one lie above it: turned over, they make the
/// exponent's complement, up to half a turn.
[[nodiscard]] inline Fr inverse_node(std::span<const Fr> even_nodes, std::size_t b) {
  return b == 0 ? even_nodes[0] : -even_nodes[b ^ (std::bit_floor(b) - 1)];
}

/// Calls some(low, high, b) for the butterflies [first, last) of a layer of `elements` that is cut into
/// `blocks` blocks: with the halves of block b, or with equal parts of them.
template <class T, class Some>
void for_butterflies(std::span<T> elements, std::size_t blocks, std::size_t first, std::size_t last,
                     const Some& some) {
  const std::size_t half = elements.size() / blocks / 2;
  while (first < last) {
    const std::size_t b = first / half, offset = first % half;
    const std::size_t count = std::min(half - offset, last - first);
    some(elements.subspan(2 * b * half + offset, count), elements.subspan((2 * b + 1) * half + offset, count),
         b);
    first += count;
  }
}

}  // namespace assay::field
