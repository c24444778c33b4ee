// The products: c = W a + b, for opened rows a and c.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assay/audit_check.h"
#include "assay/audit_measure.h"
#include "audit/facts.h"
#include "audit/key_contents.h"
#include "audit/number.h"

namespace assay::audit::internal {

/// Outputs of a product that may be rounded otherwise whatever the share.
inline constexpr std::uint64_t kFewDifferences = 8;

/// One row that entered a layer and the row that left it.
struct Product {
  std::uint32_t op = 0;  ///< in the table
  std::uint64_t step = 0;
  std::uint64_t position = 0;
  /// One; or, where it was recomputed from the row before, what it may have been, the likeliest first.
  std::vector<std::vector<double>> inputs;
  std::vector<double> output;
  bool recomputed = false;

  [[nodiscard]] const std::vector<double>& input() const { return inputs.front(); }
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

/// What was found about one product by recomputing it.
struct Recomputed {
  std::uint64_t differing = 0;
  double squares = 0;  ///< of the errors over the variance of rounding
  double worst = 0;    ///< error over what is allowed
  std::uint64_t worst_at = 0;

  void add(const Recomputed& other);
};

/// Of a product, by each vector of a key: residuals over their standard deviation, which is 1 for all of them
/// together where the row is honest.
struct Residuals {
  std::vector<double> normalised;
  double scaling = 1;  ///< what the sum of their squares, and its degrees of freedom, are divided by
};
[[nodiscard]] Residuals residuals_of(const KeyContents& key, const Product& product,
                                     const FloatFormat& format);

/// Recomputed in double, and compared after rounding: no value may lie further off than rounding and
/// summation in fp32 take it, and few may differ at all. `products` ascend by op. Errors: those of the
/// weights. Where `measured` is given, it takes what was seen of each product.
[[nodiscard]] Result<ProductFindings> check_by_weights(const weights::Folder& folder, const Facts& facts,
                                                       std::span<const Product> products,
                                                       const Tolerance& tolerance,
                                                       Measured* measured = nullptr);

/// Freivalds: sums of squared residuals over their variance, over all products and for each layer, against
/// the chi-square distribution. `measured` takes residuals: of a key that is for measuring alone.
[[nodiscard]] ProductFindings check_by_key(const KeyContents& key, std::span<const Product> products,
                                           const Tolerance& tolerance, Measured* measured = nullptr);

}  // namespace assay::audit::internal
