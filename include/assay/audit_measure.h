// What honest runs show of their rounding: what a profile is made of.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "assay/audit_check.h"

namespace assay::audit {

/// What a run shows that its verifier knows to be honest, for it is the verifier's own. Residuals of a key
/// are equations in its secret: such a key is for measuring alone.
struct Measured {
  struct Product {
    std::uint32_t op = 0;  ///< in the table of the reference
    std::uint64_t position = 0;
    std::uint64_t outputs = 0;
    bool recomputed = false;     ///< its input was, from the residual stream
    double variance = 0;         ///< mean of the squared errors over what the formula says
    double differing_share = 0;  ///< of the outputs, rounded otherwise; by weights alone
    double worst = 0;            ///< error over what is allowed, at most; by weights alone
  };
  std::vector<Product> products;
  /// With a key: residuals over their standard deviation, of each product those of all vectors.
  std::vector<float> residuals;

  /// Of each row that follows from others: the share of values that differ, and the largest difference over
  /// what is allowed.
  struct Row {
    double differing_share = 0;
    double worst = 0;
  };
  std::vector<Row> chain;
  std::vector<double> attention;  ///< the worst head of each block that was asked about
  std::string outcome;            ///< "accepted", or the outcome and the step of the verdict
};

/// Opens a run that the verifier made itself, and checks it as check() does but for the signature. The
/// challenge has the steps, ascending, and the blocks whose attention is looked at. Errors: those of open_run
/// and check().
[[nodiscard]] Result<Measured> measure(const RunFolder& run, const Request& request,
                                       const Challenge& challenge, const Tolerance& tolerance,
                                       const Reference& reference);

/// What the bounds of a profile come from: the largest that some runs came to, times a margin, and never
/// below what the formula and the tolerance of the type say.
class Calibration {
 public:
  explicit Calibration(RowDtype dtype) : dtype_(dtype) {}

  /// Of the verifier's own runs, by the weights.
  void add(const Measured& measured);

  /// With the bounds of what was added, and the type; the rest is the caller's to say. Errors: kOutOfRange
  /// (nothing was added, a margin below 1).
  [[nodiscard]] Result<Profile> profile(double margin) const;

 private:
  struct Layer {
    double squares = 0;
    double outputs = 0;
  };
  RowDtype dtype_;
  std::map<std::uint32_t, Layer> layers_;
  double largest_of_a_run_ = 0;  ///< the largest mean of a layer within one run
  double differing_share_ = 0;
  double attention_error_ = 0;
};

}  // namespace assay::audit
