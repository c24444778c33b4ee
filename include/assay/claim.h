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
#include <utility>
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
  kKzg = 1,     ///< a commitment to a vector over public powers (docs/kzg.md)
  kMerkle = 2,  ///< a hash tree (docs/merkle.md)
};
/// "tensor", "kzg", "merkle".
[[nodiscard]] std::string_view to_string(Scheme scheme);
[[nodiscard]] std::optional<Scheme> scheme_of(std::string_view name);

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

  /// Errors: those of the layout and the encoding; kUnsupported for a dtype that the encoding does not take;
  /// kMismatch (a scheme with setup without its digest, or the other way round);
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
  std::array<std::uint8_t, kBytes> value{};  ///< a compressed point of G1; of the scheme `merkle` a digest

  /// SHA-256("assay/commitment/v1" || header || C): what is signed, compared, and named by proofs.
  [[nodiscard]] Digest digest() const;
  [[nodiscard]] Bytes encode() const;
  /// Errors: those of Header::decode; those of curve::decode_g1 where the value is a point.
  static Result<Commitment> decode(ByteSpan bytes, std::string_view place);
  static Result<Commitment> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

/// What is asked of a commitment: the value of an entry (`grid` alone filled), of the polynomial at a point
/// of Fr^m off the grid (`field` alone filled), or all values of parts that fix the same axes (`parts` alone
/// filled): of slices, or, where they fix all axes, of a set of entries.
struct Query {
  std::vector<std::uint32_t> grid;
  std::vector<Fr> field;
  Selection parts;

  static Query on_grid(std::vector<std::uint32_t> coordinates);
  /// A point whose coordinates all lie on the grid becomes on_grid, so that each point has one form.
  static Query anywhere(std::vector<Fr> coordinates, const Axes& axes);
  /// One part that fixes all axes becomes on_grid. The selection must be one that Selection::check takes.
  static Query of_parts(Selection selection, const Axes& axes);
  [[nodiscard]] bool is_on_grid() const { return !grid.empty(); }
  [[nodiscard]] bool is_of_parts() const { return !parts.fixed.empty(); }
  /// Of an entry or a point, as field elements.
  [[nodiscard]] std::vector<Fr> coordinates() const;
  /// "0,5,2"; off the grid the signed integers of least magnitude; of parts the fixed axes and the number of
  /// parts, "axes 0,1 at 5 positions".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Query&, const Query&) = default;
};

/// The value there, or of parts all values; and what shows them: bytes that mean something to the scheme
/// alone. Of the scheme `tensor` the quotients, compressed points of G1: of an entry or a point one for each
/// axis, of parts those of pst::open_parts. Those of the others are on the page of this room.
struct Answer {
  Fr value;
  Bytes evidence;
  Bytes values = {};  ///< of parts alone: what pack_values() makes
  friend bool operator==(const Answer&, const Answer&) = default;
};

/// Integers as they travel: u8 width, of 1, 2, 4, 8 and 32 the least that holds all of them, then each in
/// two's complement, or with width 32 as residues.
[[nodiscard]] Bytes pack_values(const IntegerView& values);

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
  static constexpr std::uint64_t kMaxBytes = ~std::uint32_t{0};  ///< of a file

  Digest commitment_digest{};
  std::uint32_t axis_count = 0;  ///< 1 to Axes::kMaxCount

  Proofs() = default;
  Proofs(const Digest& digest, std::uint32_t axes) : commitment_digest(digest), axis_count(axes) {}
  /// Every query must have as many coordinates as there are axes.
  Proofs(const Digest& digest, std::uint32_t axes, std::span<const Proof> proofs);

  /// All proofs must be kMaxBytes at most; fits() says whether they would be.
  void add(const Query& query, const Answer& answer);
  [[nodiscard]] bool fits(std::uint64_t more_bytes) const { return bytes_.size() + more_bytes < kMaxBytes; }
  [[nodiscard]] std::size_t size() const { return starts_.size(); }
  [[nodiscard]] bool empty() const { return starts_.empty(); }
  [[nodiscard]] Query query(std::size_t k) const;
  /// The query's one encoding: two are equal when their bytes are.
  [[nodiscard]] ByteSpan query_bytes(std::size_t k) const;
  /// Of an entry or a point.
  [[nodiscard]] Fr value(std::size_t k) const;
  /// Of any query: how many values it has, and all of them.
  [[nodiscard]] std::uint64_t value_count(std::size_t k) const;
  [[nodiscard]] tensor::IntegerArray values(std::size_t k) const;
  [[nodiscard]] bool is_of_parts(std::size_t k) const;
  [[nodiscard]] ByteSpan evidence(std::size_t k) const;
  [[nodiscard]] Proof operator[](std::size_t k) const;

  /// There may be kMaxCount.
  [[nodiscard]] Bytes encode() const;
  /// Canonical queries and values only. Errors: kTooLarge (over kMaxBytes) and as for all files. Whether the
  /// queries suit the axes is for verify() to say, for a file of proofs has no axes; what the evidence is
  /// worth, too.
  static Result<Proofs> decode(ByteSpan bytes, std::string_view place);
  /// A file of no proofs that is longer, and one that is over kMaxBytes, is not read.
  static Result<Proofs> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// Bytes of one encoded proof of an entry under the scheme `tensor`: 1 + 4m + 32 + 4 + 32m.
  [[nodiscard]] static std::size_t proof_size(std::size_t axis_count);

 private:
  /// Where the parts of a record lie in bytes_.
  struct Record {
    std::size_t query_end, values_at, values_end, evidence_at, end;
    std::uint8_t width;
  };
  static Result<Proofs> take(Bytes bytes, std::string_view place);
  [[nodiscard]] Record record(std::size_t k) const;

  Bytes bytes_;                        // of the records, and of what stands before them in a file
  std::vector<std::uint32_t> starts_;  // of each record within bytes_
};

/// What a challenge draws at random: real values, tokens over all layers, or whole layers, the last two of
/// model layouts alone.
enum class Unit : std::uint8_t { kEntry, kToken, kLayer };
/// "entry", "token", "layer".
[[nodiscard]] std::string_view to_string(Unit unit);
[[nodiscard]] std::optional<Unit> unit_of(std::string_view name);

/// What a verifier wants opened, drawn after it has seen the commitment.
struct Challenge {
  static constexpr std::uint32_t kMaxCount = Proofs::kMaxCount;
  static constexpr std::uint64_t kMaxBytes = 52 + std::uint64_t{kMaxCount} * (1 + 32 * Axes::kMaxCount);

  Digest commitment_digest{};
  std::vector<Query> queries;
  /// Set by draw() alone: a file shows nothing of who wrote it.
  bool drawn_here = false;
  /// Where the first query is of parts, and so does not say it.
  std::uint32_t axis_count = 0;

  /// `count` distinct units, uniform, from the world's randomness, in ascending order: as many queries of
  /// real (not padding) values, or one of so many tokens or layers. Errors: kOutOfRange (0, more than
  /// kMaxCount or than there are), kUnsupported (tokens or layers of another layout than "model"), those of
  /// Header::validate and of world.fill_random.
  static Result<Challenge> draw(const Commitment& commitment, std::uint64_t count,
                                const World& world = World::system(), Unit unit = Unit::kEntry);

  /// The same from a seed, for repeatable experiments: a prover that knows the seed knows the points. Uniform
  /// positions come from a ChaCha20 stream keyed by SHA-256("assay/challenge/v1" || commitment digest ||
  /// LE64(seed)).
  static Result<Challenge> from_seed(const Commitment& commitment, std::uint64_t count, std::uint64_t seed,
                                     Unit unit = Unit::kEntry);

  /// SHA-256 of the file: by it the verifier knows the challenge again that it drew.
  [[nodiscard]] Digest digest() const;

  /// Whether it asks for values of this commitment. Errors: kMismatch (another commitment), kNonCanonical (a
  /// point of the grid that is written as one anywhere), kOutOfRange (a position of padding, which says
  /// nothing of what was committed to).
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

// ---- Slices in words of the model

/// Part of a commitment of layout "model". What is not given is not fixed.
struct SliceNames {
  std::optional<std::string> layer;  ///< its name, or where no layer is called so its number
  std::optional<std::pair<std::uint64_t, std::uint64_t>> tokens;  ///< the first and the last
  std::optional<std::uint64_t> dim;                               ///< within the hidden width

  [[nodiscard]] bool any() const { return layer || tokens || dim; }
};

/// A slice for each token that is given, else one; an entry, or a set of such, where all is given. Errors:
/// kUnsupported (another layout), kOutOfRange (a layer, token or dim that is not there, padding among them;
/// nothing fixed).
[[nodiscard]] Result<Query> query_of_slice(const encode::Layout& layout, const SliceNames& names);

/// Entries as one set, whose proofs share what they can; in the set's order, not in the given one. Errors:
/// kOutOfRange (none, a coordinate outside its axis, an entry twice, more than Proofs::kMaxCount).
[[nodiscard]] Result<Query> query_of_set(const Axes& axes,
                                         std::span<const std::vector<std::uint32_t>> entries);

/// The shape in which the values of parts stand in a file of proofs: the number of parts unless it is 1, then
/// the layers, tokens and hidden width that are not fixed, without padding. One axis where a layout is not
/// "model", or the width is fixed in part.
[[nodiscard]] tensor::Shape shape_of_parts(const encode::Layout& layout, const Selection& parts,
                                           std::uint64_t value_count);

/// Writes the values that proofs give, without looking at evidence, as a safetensors file: a tensor
/// "proof_0", "proof_1", .. for each, in the header's dtype where the encoding is `bits` or `int` and there
/// is one, else as int64, or where these are too narrow as rows of 32 bytes (residues). The metadata has the
/// encoding and the commitment digest. Errors: kIo.
[[nodiscard]] Status write_values(const std::filesystem::path& path, const Commitment& commitment,
                                  const Proofs& proofs);

}  // namespace assay::claim
