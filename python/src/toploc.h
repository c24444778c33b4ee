// Arrays and lists of proofs, as the bindings of toploc take and give them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "assay/toploc.h"
#include "bindings.h"

namespace assay::python {

/// bf16 patterns, indices, residues: arrays of exactly these types.
using Bits = nb::ndarray<const std::uint16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Words = nb::ndarray<const std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Lengths = std::vector<std::uint64_t>;

template <class Array>
auto span_of_array(const Array& array) {
  return std::span(array.data(), array.size());
}

inline toploc::TieRule rule_of(bool lower_index_first) {
  return lower_index_first ? toploc::TieRule::kLowerIndex : toploc::TieRule::kLibstdcxx;
}

std::vector<Bytes> to_bytes(const std::vector<nb::bytes>& proofs);
std::vector<nb::bytes> to_python_list(const std::vector<Bytes>& list);

/// Profiles, files, verdicts.
void bind_toploc_verdict(nb::module_& m);

}  // namespace assay::python
