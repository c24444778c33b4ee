// What a commitment says: the header, the digest that everything else names, and the files that carry
// commitments, challenges and proofs. docs/claim.md gives every byte.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/curve.h"
#include "assay/encode.h"
#include "assay/integers.h"
#include "assay/world.h"

namespace assay::claim {

/// How the committed numbers are bound.
enum class Scheme : std::uint8_t {
  kTensor = 0,  ///< a tensor commitment over BN254 (docs/pst.md)
  kKzg = 1,     ///< reserved
  kMerkle = 2,  ///< reserved
};
/// "tensor", "kzg", "merkle".
[[nodiscard]] std::string_view to_string(Scheme scheme);

/// Which pass of the model the values come from.
enum class CaptureMode : std::uint8_t {
  kUnknown = 0,    ///< a tensor of unknown origin
  kDecode = 1,     ///< the very pass that produced the tokens
  kPrefill = 2,    ///< one pass over a given text
  kRecompute = 3,  ///< a second pass over prompt and generated text
};
[[nodiscard]] std::string_view to_string(CaptureMode mode);
[[nodiscard]] std::optional<CaptureMode> capture_mode(std::string_view name);

/// What the committed numbers are. Its canonical bytes are part of the digest, so that a proof for one
/// reading of the numbers is no proof for another.
struct Header {
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 22;
  static constexpr std::uint64_t kMaxFirstToken = std::uint64_t{1} << 40;

  encode::Layout layout;
  encode::Encoding encoding;
  std::optional<tensor::Dtype> dtype;  ///< of the values before they were encoded; none where it is not known
  CaptureMode capture_mode = CaptureMode::kUnknown;
  std::optional<Digest> setup_digest = std::nullopt;  ///< of the scheme's public parameters, where it has any
  Scheme scheme = Scheme::kTensor;
  std::uint64_t first_token = 0;  ///< of a model layout: the number, within the run, of the first token

  /// Errors: those of the layout and the encoding; kUnsupported for a dtype that the encoding does not take,
  /// or a reserved scheme; kMismatch (a scheme with setup without its digest, or the other way round);
  /// kOutOfRange (capture mode, first token); kTooLarge when encode() would give more than kMaxBytes.
  [[nodiscard]] Status validate() const;

  /// The canonical bytes; decode() takes them when validate() does.
  [[nodiscard]] Bytes encode() const;

  /// Canonical bytes of a valid header only.
  static Result<Header> decode(ByteSpan bytes, std::string_view place);

  /// What a committed value may be: the range of the encoding for the dtype, or without a dtype the widest
  /// that the encoding has. Errors: those of encode::range_of.
  [[nodiscard]] Result<encode::Range> value_range() const;

  friend bool operator==(const Header&, const Header&) = default;
};

/// A header and the 32 bytes C that bind the values.
struct Commitment {
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kMaxBytes = 16 + Header::kMaxBytes + kBytes;

  Header header;
  std::array<std::uint8_t, kBytes> value{};  ///< of the scheme `tensor`: a compressed point of G1

  /// SHA-256("assay/commitment/v1" || header || C): what is signed, compared, and named by proofs.
  [[nodiscard]] Digest digest() const;
  [[nodiscard]] Bytes encode() const;
  /// Errors: those of Header::decode; those of curve::decode_g1 for the value of the scheme `tensor`.
  static Result<Commitment> decode(ByteSpan bytes, std::string_view place);
  static Result<Commitment> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

/// What is asked of a commitment: the value of an entry (`grid` alone filled), or of the polynomial at a
/// point of Fr^m off the grid (`field` alone filled). The file format has room for slices, sets and blocks.
struct Query {
  std::vector<std::uint32_t> grid;
  std::vector<Fr> field;

  static Query on_grid(std::vector<std::uint32_t> coordinates);
  /// A point whose coordinates all lie on the grid becomes on_grid, so that each point has one form.
  static Query anywhere(std::vector<Fr> coordinates, const Axes& axes);
  [[nodiscard]] bool is_on_grid() const { return !grid.empty(); }
  /// As field elements.
  [[nodiscard]] std::vector<Fr> coordinates() const;
  /// "0,5,2"; off the grid the signed integers of least magnitude.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Query&, const Query&) = default;
};

/// The value there, and what shows it: bytes that mean something to the scheme alone. Of the scheme `tensor`
/// the quotients, a compressed point of G1 for each axis.
struct Answer {
  Fr value;
  Bytes evidence;
  friend bool operator==(const Answer&, const Answer&) = default;
};

struct Proof {
  Query query;
  Answer answer;
  friend bool operator==(const Proof&, const Proof&) = default;
};

/// Answers of one commitment, which they name by its digest. They are kept as the bytes of their file, each
/// once.
class Proofs {
 public:
  static constexpr std::uint32_t kMaxCount = 1U << 20;
  static constexpr std::uint32_t kMaxEvidence = 32 * Axes::kMaxCount;  ///< bytes of one answer

  Digest commitment_digest{};
  std::uint32_t axis_count = 0;  ///< 1 to Axes::kMaxCount

  Proofs() = default;
  Proofs(const Digest& digest, std::uint32_t axes) : commitment_digest(digest), axis_count(axes) {}
  /// Every query must have as many coordinates as there are axes.
  Proofs(const Digest& digest, std::uint32_t axes, std::span<const Proof> proofs);

  void add(const Query& query, const Answer& answer);
  [[nodiscard]] std::size_t size() const { return starts_.size(); }
  [[nodiscard]] bool empty() const { return starts_.empty(); }
  [[nodiscard]] Query query(std::size_t k) const;
  /// The query's one encoding: two are equal when their bytes are.
  [[nodiscard]] ByteSpan query_bytes(std::size_t k) const;
  [[nodiscard]] Fr value(std::size_t k) const;
  [[nodiscard]] ByteSpan evidence(std::size_t k) const;
  [[nodiscard]] Proof operator[](std::size_t k) const;

  /// There may be kMaxCount.
  [[nodiscard]] Bytes encode() const;
  /// Canonical queries and values only. Whether the queries suit the axes is for verify() to say, for a file
  /// of proofs has no axes; what the evidence is worth, too.
  static Result<Proofs> decode(ByteSpan bytes, std::string_view place);
  /// A file that is longer than its count of proofs allows is not read.
  static Result<Proofs> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// Bytes of one encoded proof of an entry under the scheme `tensor`: 1 + 4m + 32 + 4 + 32m.
  [[nodiscard]] static std::size_t proof_size(std::size_t axis_count);

 private:
  static Result<Proofs> take(Bytes bytes, std::string_view place);
  [[nodiscard]] std::size_t value_at(std::size_t k) const;

  Bytes bytes_;                        // of the records, and of what stands before them in a file
  std::vector<std::uint32_t> starts_;  // of each record within bytes_
};

/// What a verifier wants opened, drawn after it has seen the commitment.
struct Challenge {
  static constexpr std::uint32_t kMaxCount = Proofs::kMaxCount;
  static constexpr std::uint64_t kMaxBytes = 52 + std::uint64_t{kMaxCount} * (1 + 32 * Axes::kMaxCount);

  Digest commitment_digest{};
  std::vector<Query> queries;
  /// Set by draw() alone: a file shows nothing of who wrote it.
  bool drawn_here = false;

  /// `count` distinct positions of real (not padding) values, uniform, from the world's randomness. In
  /// ascending order. Errors: kOutOfRange (0, more than kMaxCount or than there are), those of
  /// Header::validate and of world.fill_random.
  static Result<Challenge> draw(const Commitment& commitment, std::uint64_t count,
                                const World& world = World::system());

  /// The same from a seed, for repeatable experiments: a prover that knows the seed knows the points. Uniform
  /// positions come from a ChaCha20 stream keyed by SHA-256("assay/challenge/v1" || commitment digest ||
  /// LE64(seed)).
  static Result<Challenge> from_seed(const Commitment& commitment, std::uint64_t count, std::uint64_t seed);

  /// SHA-256 of the file: by it the verifier knows the challenge again that it drew.
  [[nodiscard]] Digest digest() const;

  /// Whether it asks for values of this commitment. Errors: kMismatch (another commitment), kOutOfRange (a
  /// position of padding, which says nothing of what was committed to).
  [[nodiscard]] Status check(const Commitment& commitment) const;

  /// There must be 1 to kMaxCount queries, all with as many coordinates.
  [[nodiscard]] Bytes encode() const;
  static Result<Challenge> decode(ByteSpan bytes, std::string_view place);
  static Result<Challenge> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

// ---- Places

/// What lies at a grid point, in words of the model: layer, coordinates in that layer, or padding.
struct Place {
  std::vector<std::uint32_t> coordinates;  ///< in the committed tensor
  std::uint64_t flat_index = 0;            ///< C order of the committed tensor
  bool is_padding = false;
  std::string layer;                             ///< unless padding
  std::string tap;                               ///< unless padding or unknown
  std::uint64_t position = 0;                    ///< within the layer, C order
  std::vector<std::uint64_t> layer_coordinates;  ///< the same in the layer's shape

  /// "layer_3[0, 5, 17]" or "padding".
  [[nodiscard]] std::string to_string() const;
};

/// The layout must be one that validate() takes. Errors: kOutOfRange.
[[nodiscard]] Result<Place> place_of(const encode::Layout& layout,
                                     std::span<const std::uint32_t> coordinates);
[[nodiscard]] Result<Place> place_of_index(const encode::Layout& layout, std::uint64_t flat_index);
[[nodiscard]] Result<Place> place_of_entry(const encode::Layout& layout, std::string_view layer,
                                           std::uint64_t position);
/// The same by coordinates in the layer's own shape.
[[nodiscard]] Result<Place> place_of_entry(const encode::Layout& layout, std::string_view layer,
                                           std::span<const std::uint64_t> layer_coordinates);

}  // namespace assay::claim
