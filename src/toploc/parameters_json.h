// The fields of Parameters, as they stand in a file of proofs and in a signature.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "assay/toploc.h"
#include "toploc/flat_json.h"

namespace assay::toploc::internal {

/// "topk", "decode_batching_size", "prefill_rows", "merge_tail_below", "ties", in this order.
void put_parameters(FlatJsonWriter& writer, const Parameters& parameters);

/// Takes these fields out of a file.
class ParametersReader {
 public:
  /// Adds the fields, whose places are in this object: it must stay.
  void add_to(std::vector<Field>& fields);

  /// After reading. Errors: kOutOfRange (the rule for ties).
  [[nodiscard]] Result<Parameters> take(std::string_view place) const;

 private:
  std::uint64_t topk_ = 0;
  std::uint64_t decode_batching_size_ = 0;
  std::uint64_t prefill_rows_ = 0;
  std::uint64_t merge_tail_below_ = 0;
  std::string ties_;
};

}  // namespace assay::toploc::internal
