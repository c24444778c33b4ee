// Readings of a model's state: the files that hold rows of the residual stream, and exact readings of them.
// Byte formats are on docs/probe.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"

namespace assay::probe {

inline constexpr std::uint32_t kMaxWidth = 32768;                        ///< values of a row
inline constexpr std::size_t kMaxText = 256;                             ///< bytes of a name
inline constexpr std::size_t kMaxProbes = 1024;                          ///< of one set
inline constexpr std::uint64_t kMaxJsonBytes = std::uint64_t{64} << 20;  ///< of each JSON file of this room

/// What the model computed in. The values in files are f32 whatever it says.
enum class Precision : std::uint8_t { kFp32, kFp16, kBf16, kInt8 };
/// "fp32", "fp16", "bf16", "int8".
[[nodiscard]] std::string_view to_string(Precision precision);
[[nodiscard]] std::optional<Precision> precision_from(std::string_view name);

/// Rows of the residual stream behind one block, in C order, as many as positions.
struct LayerRows {
  std::uint32_t layer = 0;
  std::span<const float> values;
};

/// A .gotact. Cheap to copy: copies share the values.
struct Activations {
  std::string model_id;
  Precision precision = Precision::kFp32;
  std::uint32_t width = 0;
  std::vector<std::uint32_t> positions;  ///< ascending; the same for all layers
  std::vector<LayerRows> layers;         ///< ascending
  Digest sha256{};                       ///< of the file's bytes
  std::shared_ptr<const void> owner;     ///< of the values

  /// nullptr when there is none.
  [[nodiscard]] const LayerRows* find(std::uint32_t layer) const;
};

/// A .gotact, or the original's JSON in its place. Errors: kIo, kMalformed, kNonCanonical (order),
/// kOutOfRange (a value that is not finite), kMismatch (positions that differ between layers), kTooLarge,
/// kUnsupported (version).
[[nodiscard]] Result<Activations> open_activations(const std::filesystem::path& path);

/// `values` has for each layer, in C order, one row for each position. Errors: kMismatch, kNonCanonical,
/// kOutOfRange, kTooLarge, kIo.
[[nodiscard]] Status write_activations(const std::filesystem::path& path, std::string_view model_id,
                                       Precision precision, std::uint32_t width,
                                       std::span<const std::uint32_t> layers,
                                       std::span<const std::uint32_t> positions,
                                       std::span<const float> values);

/// A .gotue: the rows of an output layer.
struct Unembedding {
  std::uint64_t tokens = 0;
  std::uint32_t width = 0;
  ByteSpan values;  ///< f32 in C order, finite
  Digest sha256{};  ///< of the file's bytes
  std::shared_ptr<const void> owner;
};

/// A .gotue, or the original's JSON in its place. Errors: as open_activations.
[[nodiscard]] Result<Unembedding> open_unembedding(const std::filesystem::path& path);

/// Writes a .gotue a few rows at a time; nothing stands under its name before finish().
class UnembeddingWriter {
 public:
  /// Errors: kIo, kTooLarge.
  static Result<UnembeddingWriter> create(const std::filesystem::path& path, std::uint64_t tokens,
                                          std::uint32_t width);
  UnembeddingWriter(UnembeddingWriter&&) noexcept;
  UnembeddingWriter& operator=(UnembeddingWriter&&) noexcept;
  ~UnembeddingWriter();

  /// Whole rows. Errors: kIo, kMismatch (more than were announced, parts of rows), kOutOfRange.
  [[nodiscard]] Status add(std::span<const float> rows);
  /// Errors: kIo, kMismatch (fewer rows than were announced).
  [[nodiscard]] Status finish();

 private:
  struct State;
  explicit UnembeddingWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A .gotgeo: the geometry of a model at one time.
struct Checkpoint {
  std::uint32_t width = 0;
  float epsilon = 0;       ///< under which the hash holds: 0 or 1e-6; the file does not say it
  std::vector<float> phi;  ///< width^2, row by row, finite

  /// SHA-256(LE64 width || f32 epsilon || phi), with -0 as +0.
  [[nodiscard]] Digest hash() const;
  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kMismatch (the hash is that of another geometry), kOutOfRange, kTooLarge,
  /// kUnsupported.
  [[nodiscard]] static Result<Checkpoint> decode(ByteSpan bytes, std::string_view place);
  [[nodiscard]] static Result<Checkpoint> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

/// Labels as the original's text has them. Errors: kMalformed (naming the line), kTooLarge.
[[nodiscard]] Result<std::vector<bool>> parse_labels(std::string_view text, std::string_view place);
[[nodiscard]] Result<std::vector<bool>> read_labels(const std::filesystem::path& path);
/// `1` or `0`, one on a line.
[[nodiscard]] std::string labels_text(const std::vector<bool>& labels);

// ---- Readings

/// A covector and its bias.
struct Reader {
  std::span<const double> covector;
  double bias = 0;
};

/// For each row, for each reader, the float64 nearest to the exact sum of products plus bias, ties to even;
/// row by row. An exact sum has no order, so any machine and any number of threads gives these bits. `rows`
/// has whole rows of `width` finite values. Errors: kMismatch (widths), kOutOfRange (a value that is not
/// finite; a reading beyond the doubles, with its row).
/// Kulisch, Computer Arithmetic and Validity (2013), chapter 8: a long fixed-point accumulator.
[[nodiscard]] Result<std::vector<double>> read_rows(std::span<const float> rows, std::uint32_t width,
                                                    std::span<const Reader> readers);

/// For each reader the float64 nearest to the exact mean of its exact readings of all rows. Errors: as
/// read_rows; kMismatch without rows.
[[nodiscard]] Result<std::vector<double>> read_mean(std::span<const float> rows, std::uint32_t width,
                                                    std::span<const Reader> readers);

/// For each column the float nearest to the exact mean of the rows. Errors: as read_mean.
[[nodiscard]] Result<std::vector<float>> mean_row(std::span<const float> rows, std::uint32_t width);

}  // namespace assay::probe
