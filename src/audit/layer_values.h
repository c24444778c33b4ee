// The weight of a layer as doubles, rounded to what the model computes in.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "assay/audit_log.h"
#include "audit/number.h"
#include "tensor/float_values.h"

namespace assay::audit::internal {

class LayerValues {
 public:
  /// Errors: kMismatch (the folder has another layer there), kUnsupported.
  [[nodiscard]] static Result<LayerValues> of(const weights::Folder& folder, const Op& op, RowDtype dtype);

  /// w[j], the values that meet an input in output j. Errors: kOutOfRange (NaN or Inf).
  [[nodiscard]] Status row(std::uint64_t j, std::span<double> out) const;
  /// One for each output; zeros where the layer has none.
  [[nodiscard]] const std::vector<double>& bias() const { return bias_; }

 private:
  tensor::TensorView weight_;
  bool transposed_ = false;
  std::uint64_t out_ = 0;
  FloatFormat format_{};
  bool rounded_ = false;  // whether the stored values have to be rounded
  std::vector<double> bias_;
};

}  // namespace assay::audit::internal
