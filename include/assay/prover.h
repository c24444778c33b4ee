// The prover's side of a claim: tensors made ready, commitments, openings.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/claim.h"
#include "assay/pst.h"

namespace assay::claim {

/// A tensor ready to be committed to.
struct Subject {
  Header header;  ///< without setup digest, which commit() fills in
  tensor::IntegerArray values;
};

/// Taps by the names of layers.
using Taps = std::map<std::string, std::string, std::less<>>;

/// What arrays alone do not say, or say otherwise than wanted.
struct SubjectOptions {
  std::optional<encode::Encoding> encoding;    ///< default: `bits` for floats, `int` for integers
  std::optional<encode::Layout::Kind> layout;  ///< default: `model` for several layers, `flat` for one array
  std::optional<Axes> axes;                    ///< of a flat layout; default: the array's shape
  encode::CubeOptions cube = {};               ///< of a cube
  std::optional<CaptureMode> capture_mode;     ///< default: the one that a capture records
  Taps taps = {};                              ///< default: those that a capture records
};

/// Arrays that belong together, in the order of their layers.
struct Arrays {
  std::vector<tensor::TensorView> views;
  std::vector<tensor::IntegerTensor> integers;  ///< of any size; no views beside them
  bool named = true;                            ///< false: the name of a lone array says nothing
};

/// The layers of a file: floats, where there are any, else every array. Only .npy gives its array no name.
[[nodiscard]] Arrays arrays_of(const tensor::TensorFile& file);

/// The options with what a capture records: mode, taps, and the layout "model" where nothing else is chosen.
/// Other files change nothing. Errors: kMalformed (mode or taps that are none), kMismatch (another mode than
/// asked for).
[[nodiscard]] Result<SubjectOptions> options_of_capture(const tensor::TensorFile& file,
                                                        SubjectOptions options, std::string_view place);

/// The header that the arrays will have, without looking at their values. `place` names the arrays in errors.
/// Errors: as make_subject(), but for the values.
[[nodiscard]] Result<Header> plan_subject(const Arrays& arrays, const SubjectOptions& options,
                                          std::string_view place);

/// The arrays as integers in a layout. Errors: those of the encoding and of the layout, after `place`;
/// kMalformed (no array); kMismatch where options contradict each other, or arrays are of different dtypes.
[[nodiscard]] Result<Subject> make_subject(const Arrays& arrays, const SubjectOptions& options,
                                           std::string_view place);

/// Reads a file of any container. A capture brings its mode and taps, a .gotact its taps. Errors: those of
/// the readers, of options_of_capture and of make_subject, with the file's name.
[[nodiscard]] Result<Subject> read_subject(const std::filesystem::path& path, const SubjectOptions& options);

/// Commits to `values`, which must be apply_layout(header.layout, layers). The header's setup digest is
/// filled in. Errors: kMismatch (axes of layout and SRS, count of values), kOutOfRange (a value outside
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

  /// The tokens that have not come are zeros: they add nothing to the sum. Whoever opens the commitment has
  /// them as zeros too.
  void end_with_zeros() { tokens_ = total_tokens(); }

  /// The tokens that have not come are padding: the header has those that came. Errors: kMismatch where none
  /// did.
  [[nodiscard]] Status end_with_padding();

  /// Tokens committed to.
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }

  /// Errors: kMismatch while tokens are missing.
  [[nodiscard]] Result<Commitment> finish() const;

 private:
  TokenStream(const pst::Srs& srs, Header header);
  [[nodiscard]] std::uint64_t total_tokens() const;
  [[nodiscard]] Result<std::uint64_t> count_tokens(std::span<const tensor::TensorView> layers) const;

  Header header_;
  pst::PartialCommitment sum_;
  std::uint64_t width_;  ///< H, before padding
  std::uint64_t tokens_ = 0;
};

/// Whether what has this header was committed to with the SRS. Errors: kMismatch.
[[nodiscard]] Status check_srs(const pst::Srs& srs, const Header& header);

/// Opens the commitment at each query. Does not check that `values` are what was committed to: a proof of
/// other values does not verify. Errors: kMismatch (SRS, count of values or coordinates), kOutOfRange (a
/// coordinate outside its axis, a point twice, no queries or more than Proofs::kMaxCount). `kept`, of these
/// values, is taken from and added to.
[[nodiscard]] Result<Proofs> prove(const pst::Srs& srs, const Commitment& commitment,
                                   const IntegerView& values, std::span<const Query> queries,
                                   pst::KeptQuotients* kept = nullptr);

/// What prove() takes of the first axis, made beforehand: as much work as opening at each of its nodes. Does
/// not check that `values` are what was committed to. Errors: kMismatch (SRS, count of values), kTooLarge
/// (memory).
[[nodiscard]] Result<pst::KeptQuotients> keep_first_axis(const pst::Srs& srs, const Commitment& commitment,
                                                         const IntegerView& values);

}  // namespace assay::claim
