// Where two captures differ: which layer first, at which token, and by how much.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "assay/base.h"
#include "assay/tensor.h"

namespace assay::tensor {

/// A row of `b` beside that of `a`: the state of one token at one layer. Norms are Euclidean, in float64.
struct RowDifference {
  /// Values with other bits; where the element types differ, other values.
  std::uint64_t unequal = 0;
  /// |b - a| / |a|. 0 where no value is unequal, or zeros differ in their signs alone; infinite where
  /// `a` alone is zero, or a value is NaN or infinite.
  double relative_error = 0;
  /// <a, b> / (|a| |b|). 1 where no value is unequal, or both norms are zero; 0 where one is, or a value is
  /// NaN or infinite.
  double cosine = 1;
  /// Of the `top` places with the largest magnitudes in `a`, the share that are so in `b`. Of equal
  /// magnitudes the one at the lower place counts as larger, NaN as infinity.
  double overlap = 1;

  friend bool operator==(const RowDifference&, const RowDifference&) = default;
};

/// One layer of both: rows are tokens, in the order of the file.
struct LayerDifference {
  std::string name;        ///< in `a`
  std::string other_name;  ///< in `b`
  Dtype dtype = Dtype::kF32;
  Dtype other_dtype = Dtype::kF32;
  std::uint64_t width = 0;  ///< values of a row
  std::vector<RowDifference> rows;
};

struct ComparisonOptions {
  /// Tokens [first, last) alone; without an end, all of them.
  std::uint64_t first_row = 0;
  std::optional<std::uint64_t> last_row = std::nullopt;
  std::uint64_t top = 128;
  /// Layers are paired by their order, whatever their names.
  bool by_order = false;
};

class Comparison {
 public:
  static constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 24;  ///< of all layers together

  struct Place {
    std::size_t layer = 0;  ///< in layers()
    std::uint64_t row = 0;  ///< the token, counted in the file
    friend bool operator==(const Place&, const Place&) = default;
  };

  /// The layers of two files (TensorFile::layers), paired by name, in the order of `a`; those whose names
  /// differ in numbers alone stand in the order of these. The last axis of a layer is its width, the others
  /// together count tokens. Errors, with the layer's name: kMismatch (no layer of both; another number
  /// of tokens or another width; by order, of layers), kOutOfRange (tokens that are not there), kTooLarge,
  /// kUnsupported (integers).
  [[nodiscard]] static Result<Comparison> of(std::span<const TensorView> a, std::span<const TensorView> b,
                                             const ComparisonOptions& options);

  [[nodiscard]] const std::vector<LayerDifference>& layers() const { return layers_; }
  [[nodiscard]] std::uint64_t first_row() const { return first_row_; }
  /// Layers that one of the two alone has.
  [[nodiscard]] const std::vector<std::string>& only_in_a() const { return only_in_a_; }
  [[nodiscard]] const std::vector<std::string>& only_in_b() const { return only_in_b_; }

  /// Whether a row counts as different: its relative error is over the tolerance; without one, any value is
  /// unequal.
  [[nodiscard]] static bool differs(const RowDifference& row, std::optional<double> tolerance);

  /// In the first layer with a row that differs, the first such row. Layers stand in the order of the model's
  /// computation, so that is where the runs part.
  [[nodiscard]] std::optional<Place> first(std::optional<double> tolerance) const;
  /// Of the first token with a row that differs, the first such layer.
  [[nodiscard]] std::optional<Place> first_token(std::optional<double> tolerance) const;

  /// One JSON object: layers with their rows, both first places, `within` (whether no row differs). Infinite
  /// errors are null.
  [[nodiscard]] std::string to_json(std::optional<double> tolerance) const;
  /// The same for people, without the rows.
  [[nodiscard]] std::vector<std::string> to_lines(std::optional<double> tolerance) const;

 private:
  Comparison() = default;

  std::vector<LayerDifference> layers_;
  std::vector<std::string> only_in_a_, only_in_b_;
  std::uint64_t first_row_ = 0;
};

}  // namespace assay::tensor
