// The part of `assay bench schemes` that compares all schemes on one capture.
#pragma once

#include <span>
#include <string>

#include "bench.h"

namespace assay::cli {

/// Commits to a capture "layers,tokens,width" of 16-bit patterns by each scheme, opens an entry, a token over
/// all layers, a layer and 1,000 entries, and verifies them from bytes. Rows of openings say how many bytes
/// the file has beside its values. Errors: kMalformed, kOutOfRange (the shape).
[[nodiscard]] Status bench_capture(const std::string& shape, const Repeats& repeats,
                                   std::span<const unsigned> threads, BenchTable& table);

}  // namespace assay::cli
