// The products: c = W a + b, for opened rows a and c.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assay/audit_check.h"
#include "audit/facts.h"
#include "audit/key_contents.h"

namespace assay::audit::internal {

/// One row that entered a layer and the row that left it.
struct Product {
  std::uint32_t op = 0;  ///< in the table
  std::uint64_t step = 0;
  std::uint64_t position = 0;
  std::vector<double> input;
  std::vector<double> output;
  /// Whether the input was recomputed from the row before, so that a few of its values may have been rounded
  /// otherwise.
  bool recomputed = false;
};

/// What the products came to.
struct ProductFindings {
  struct Failure {
    std::uint32_t op = 0;
    std::uint64_t step = 0;
    std::uint64_t position = 0;
    std::string reason;
  };
  std::optional<Failure> failure;
  /// Mean of the squared errors over what rounding alone gives; none with a key, whose residuals are secret.
  std::optional<double> variance;
};

/// Recomputed in double, and compared after rounding: no value may lie further off than rounding and
/// summation in fp32 take it, and few may differ at all. `products` ascend by op. Errors: those of the
/// weights.
[[nodiscard]] Result<ProductFindings> check_by_weights(const weights::Folder& folder, const Facts& facts,
                                                       std::span<const Product> products,
                                                       const Tolerance& tolerance);

/// Freivalds: sums of squared residuals over their variance, over all products and for each layer, against
/// the chi-square distribution.
[[nodiscard]] ProductFindings check_by_key(const KeyContents& key, std::span<const Product> products,
                                           const Tolerance& tolerance);

}  // namespace assay::audit::internal
