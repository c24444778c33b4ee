// What a commitment says: the header, the digest that everything else names, and the files that carry
// commitments, challenges and proofs. docs/claim.md gives every byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/curve.h"
#include "assay/encode.h"
#include "assay/integers.h"
#include "assay/pst.h"

namespace assay::claim {

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

  encode::Layout layout;
  encode::Encoding encoding;
  std::optional<tensor::Dtype> dtype;  ///< of the values before they were encoded; none where it is not known
  CaptureMode capture_mode = CaptureMode::kUnknown;
  Digest srs_digest{};

  /// Errors: those of the layout and the encoding; kUnsupported for a dtype that the encoding does not take;
  /// kOutOfRange (capture mode); kTooLarge when encode() would give more than kMaxBytes.
  [[nodiscard]] Status validate() const;

  /// The canonical bytes; decode() takes them when validate() does.
  [[nodiscard]] Bytes encode() const;

  /// Canonical bytes of a valid header only.
  static Result<Header> decode(ByteSpan bytes, std::string_view place);

  /// Bounds of every honest value at a grid point, zero padding included: those of the encoding of the dtype.
  /// Without a dtype, those of the widest that the encoding takes: f32 for bits, +-(r - 1) / 2 for int and
  /// decimal. Errors: those of encode::range_of.
  [[nodiscard]] Result<encode::Range> value_range() const;

  friend bool operator==(const Header&, const Header&) = default;
};

/// A header and the point C.
struct Commitment {
  Header header;
  G1Affine point;

  static constexpr std::size_t kMaxBytes = 16 + Header::kMaxBytes + 32;

  /// SHA-256("assay/commitment/v1" || header || C): what is signed, compared, and named by proofs.
  [[nodiscard]] Digest digest() const;
  [[nodiscard]] Bytes encode() const;
  static Result<Commitment> decode(ByteSpan bytes, std::string_view place);
  static Result<Commitment> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

/// Where an opening is: a point of the grid, or (`grid` empty) a point of Fr^m off it. Exactly one of the two
/// is filled.
struct Point {
  std::vector<std::uint32_t> grid;
  std::vector<Fr> field;

  static Point on_grid(std::vector<std::uint32_t> coordinates);
  /// A point whose coordinates all lie on the grid becomes on_grid, so that each point has one form.
  static Point anywhere(std::vector<Fr> coordinates, const Axes& axes);
  [[nodiscard]] bool is_on_grid() const { return !grid.empty(); }
  /// As field elements.
  [[nodiscard]] std::vector<Fr> coordinates() const;
  /// "0,5,2"; off the grid the signed integers of least magnitude.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Point&, const Point&) = default;
};

/// What a tensor opens to at a point.
struct Proof {
  Point point;
  pst::Opening opening;
};

/// Openings of one commitment, which they name by its digest, each at another point.
struct Proofs {
  static constexpr std::uint32_t kMaxCount = 1U << 20;
  /// Of a file with the most proofs, of the longest kind, over the most axes.
  static constexpr std::uint64_t kMaxBytes = 52 + std::uint64_t{kMaxCount} * (33 + 64 * Axes::kMaxCount);

  Digest commitment_digest{};
  std::uint32_t axis_count = 0;
  std::vector<Proof> proofs;

  /// Every point must have axis_count coordinates, every opening as many quotients, and there may be
  /// kMaxCount.
  [[nodiscard]] Bytes encode() const;

  /// Canonical bytes only. Whether the points suit the axes is for verify() to say: a file of proofs has no
  /// axes.
  static Result<Proofs> decode(ByteSpan bytes, std::string_view place);
  static Result<Proofs> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// Bytes of one encoded proof at a grid point: 1 + 4m + 32 + 32m.
  [[nodiscard]] static std::size_t proof_size(std::size_t axis_count);
};

/// The points that a verifier wants opened, drawn after it has seen the commitment.
struct Challenge {
  static constexpr std::uint32_t kMaxCount = Proofs::kMaxCount;
  static constexpr std::uint64_t kMaxBytes = 52 + std::uint64_t{kMaxCount} * 4 * Axes::kMaxCount;

  Digest commitment_digest{};
  std::vector<std::vector<std::uint32_t>> points;

  /// `count` distinct positions of real (not padding) values, uniform, from the operating system's
  /// randomness. In ascending order. Errors: kOutOfRange (0, more than kMaxCount or than there are), those of
  /// Header::validate.
  static Result<Challenge> draw(const Commitment& commitment, std::uint64_t count);

  /// The same from a seed, for repeatable experiments: a prover that knows the seed knows the points. Uniform
  /// positions come from a ChaCha20 stream keyed by SHA-256("assay/challenge/v1" || commitment digest ||
  /// LE64(seed)).
  static Result<Challenge> from_seed(const Commitment& commitment, std::uint64_t count, std::uint64_t seed);

  /// There must be 1 to kMaxCount points, all with as many coordinates.
  [[nodiscard]] Bytes encode() const;
  static Result<Challenge> decode(ByteSpan bytes, std::string_view place);
  static Result<Challenge> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

// ---- The prover

/// A tensor ready to be committed to.
struct Subject {
  Header header;  ///< with an SRS digest of zeros, which commit() fills in
  tensor::IntegerArray values;
};

/// What a file alone does not say, or says otherwise than wanted.
struct SubjectOptions {
  std::optional<encode::Encoding> encoding;    ///< default: `bits` for floats, `int` for integers
  std::optional<encode::Layout::Kind> layout;  ///< default: `model` for several layers, `flat` for one array
  std::optional<Axes> axes;                    ///< of a flat layout; default: the array's shape
  std::optional<CaptureMode> capture_mode;     ///< default: the one that a capture records
};

/// Reads .npy, .safetensors or .pt. A capture brings its mode and taps. Errors:
/// those of the readers, of the encoding and of the layout, with the file's name; kMismatch where options and
/// file contradict each other, or layers are of different dtypes.
[[nodiscard]] Result<Subject> read_subject(const std::filesystem::path& path, const SubjectOptions& options);

/// The integers of a file as a commitment's header describes them. One array takes the name of the header's
/// one layer. Errors: as read_subject(); kMismatch where the file holds another dtype or other layers.
[[nodiscard]] Result<tensor::IntegerArray> read_values_like(const Header& header,
                                                            const std::filesystem::path& path);

/// Commits to `values`, which must be apply_layout(header.layout, layers). The header's SRS digest is filled
/// in. Errors: kMismatch (axes of layout and SRS, count of values), kOutOfRange (a value outside
/// header.value_range(), which no verifier would take), those of Header::validate.
[[nodiscard]] Result<Commitment> commit(const pst::Srs& srs, Header header, const IntegerView& values);

/// Commits to a tensor of the layout "model" while its tokens still come in. The layout must be known before
/// the first, the number of tokens with it; the commitment is the one that commit() makes of all values at
/// once.
class TokenStream {
 public:
  /// Errors: kUnsupported (a layout that is not "model", an encoding that is not "bits", no dtype), kMismatch
  /// (axes of layout and SRS), those of Header::validate.
  static Result<TokenStream> begin(const pst::Srs& srs, Header header);

  /// The next n tokens, n >= 1: of every layer, in the order of the layout, n * H values of the header's
  /// dtype. On an error nothing is added. Errors: kMismatch (count of layers, dtype, count of values, more
  /// tokens than the layout has), kOutOfRange (an infinity or NaN, with layer, token and index from there
  /// on).
  [[nodiscard]] Status add(std::span<const tensor::TensorView> layers);

  /// Tokens committed to.
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }

  /// Errors: kMismatch while tokens are missing.
  [[nodiscard]] Result<Commitment> finish() const;

 private:
  TokenStream(const pst::Srs& srs, Header header);
  [[nodiscard]] std::uint64_t total_tokens() const { return header_.layout.axes[1]; }
  [[nodiscard]] Result<std::uint64_t> count_tokens(std::span<const tensor::TensorView> layers) const;

  Header header_;
  pst::PartialCommitment sum_;
  std::uint64_t width_;  ///< H, before padding
  std::uint64_t tokens_ = 0;
};

/// Opens the commitment at each point. Does not check that `values` are what was committed to: a proof of
/// other values does not verify. Errors: kMismatch (SRS, count of values or coordinates), kOutOfRange (a
/// coordinate outside its axis, a point twice, no points or more than Proofs::kMaxCount). `kept`, of these
/// values, is taken from and added to.
[[nodiscard]] Result<Proofs> prove(const pst::Srs& srs, const Commitment& commitment,
                                   const IntegerView& values, std::span<const Point> points,
                                   pst::KeptQuotients* kept = nullptr);

/// What prove() takes of the first axis, made beforehand: as much work as opening at each of its nodes. Does
/// not check that `values` are what was committed to. Errors: kMismatch (SRS, count of values), kTooLarge
/// (memory).
[[nodiscard]] Result<pst::KeptQuotients> keep_first_axis(const pst::Srs& srs, const Commitment& commitment,
                                                         const IntegerView& values);

// ---- The verifier

/// The SRS digests that a verifier has reason to quote the label of: a text of lines "<64 hex digits>
/// <label>"; lines that are empty or start with '#' are kept and mean nothing. The label is a reminder for
/// people; nothing is decided by it.
class TrustList {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  /// Errors: kMalformed (a line that is neither; no line break at the end), kTooLarge.
  static Result<TrustList> parse(std::string_view text, std::string_view place);
  static Result<TrustList> read(const std::filesystem::path& path);  ///< a missing file is an empty list
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
  [[nodiscard]] std::string to_text() const;

  /// Nothing changes where the digest is there already. Of a label only printable ASCII is kept, 64
  /// characters at most.
  void add(const Digest& digest, std::string_view label = "unlabelled");
  [[nodiscard]] bool contains(const Digest& digest) const;

 private:
  std::vector<std::string> lines_;
  std::vector<Digest> digests_;
};

struct VerifyOptions {
  TrustList trusted;                      ///< digests of SRSs whose label may be quoted
  std::optional<Digest> expected_digest;  ///< the commitment digest that was agreed on before
  const Challenge* challenge = nullptr;   ///< the points that were asked for
};

/// Steps, in order: "no proofs" (inconclusive), "header", "SRS digest", "axes", "commitment digest",
/// "expected digest", "challenge", "proof shape" (a point outside the axes, a point of the grid not written
/// as one, a point twice), "value range", "padding" (of a model layout opens to 0), then those of
/// pst::Verifier::check_all. Notes say what was not bound or not vouched for. Figures: "proofs", "padding
/// positions", "commitment digest"; of a rejection "statement" (index of the proof) and "point".
[[nodiscard]] Verdict verify(const Commitment& commitment, const Proofs& proofs,
                             const pst::Verifier& verifier, const VerifyOptions& options);

/// How the verifier may speak of an SRS: its label when the digest is in the list, else "SRS unverified" and
/// why.
[[nodiscard]] std::string describe_srs(const pst::VerifierKey& key, const TrustList& trusted);

/// Compares opened values with captured ones, laid out as the header says. It checks no proof: that is for
/// verify(). Off the grid the captured values are interpolated. Steps: "no proofs" (inconclusive),
/// "commitment digest", "captured tensor" (count; inconclusive where the memory is missing), "proof shape",
/// "captured values". Figures: "compared"; of a rejection "statement", "point", "place", "opened" and
/// "captured".
[[nodiscard]] Verdict cross_check(const Commitment& commitment, const Proofs& proofs,
                                  const IntegerView& captured);

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

}  // namespace assay::claim
