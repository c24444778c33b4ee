// The fields of Parameters, as they stand in a file of proofs and in a signature.
#pragma once

#include "assay/toploc.h"
#include "base/json_fields.h"

namespace assay::toploc::internal {

/// "topk", "decode_batching_size", "prefill_rows", "merge_tail_below", "ties", in this order.
void put_parameters(Json& json, const Parameters& parameters);

/// The names of these, and behind them the others.
[[nodiscard]] JsonNames with_parameters(const JsonNames& others);

/// Errors: kMalformed, kOutOfRange (also what Parameters::validate refuses).
[[nodiscard]] Result<Parameters> read_parameters(const JsonFields& fields);

}  // namespace assay::toploc::internal
