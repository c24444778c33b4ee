// Commitments made while the arrays that hold the values still fill up.
#include <algorithm>
#include <map>
#include <string>

#include "assay/claim.h"
#include "bindings.h"

namespace assay::python {
namespace {

using Taps = std::map<std::string, std::string>;

/// Arrays (1, tokens, H), one for each layer, as the values of a header of the layout "model".
claim::Header header_of(const claim::Arrays& arrays, const Taps& taps, const std::string& mode) {
  claim::SubjectOptions options;
  options.encoding = encode::Encoding{encode::Encoding::Kind::kBits, 0};
  options.layout = encode::Layout::Kind::kModel;
  options.capture_mode = read_capture_mode(mode);
  options.taps = claim::Taps(taps.begin(), taps.end());
  return unwrap(claim::plan_subject(arrays, options, "layers"));
}

/// Arrays that somebody else fills, token after token, and the stream of what is in them already.
class TokenStream {
 public:
  TokenStream(claim::Arrays held, const claim::Header& header, const pst::Srs& srs)
      : held_(std::move(held)),
        tokens_(header.layout.axes[1]),
        stream_(unwrap(claim::TokenStream::begin(srs, header))) {}

  /// Commits to the tokens up to `end`, which nobody writes to any more.
  void commit_until(std::uint64_t end, unsigned threads) {
    const std::uint64_t first = stream_.tokens();
    if (end < first || end > tokens_)
      throw Failure{{ErrorCode::kOutOfRange, "tokens",
                     std::to_string(end) + " is not between " + std::to_string(first) + " and " +
                         std::to_string(tokens_)}};
    if (end == first) return;
    std::vector<tensor::TensorView> views;
    for (tensor::TensorView view : held_.views) {
      const std::size_t row = view.bytes.size() / tokens_;
      view.bytes = view.bytes.subspan(first * row, (end - first) * row);
      views.push_back(std::move(view));
    }
    const ThreadLimitScope limit(threads);
    unwrap(stream_.add(views));
  }

  [[nodiscard]] claim::Commitment finish() const { return unwrap(stream_.finish()); }

 private:
  claim::Arrays held_;
  std::uint64_t tokens_;
  claim::TokenStream stream_;
};

}  // namespace

void bind_stream(nb::module_& m) {
  nb::class_<TokenStream>(m, "TokenStream")
      .def_static(
          "plan",
          [](const std::vector<Source>& sources, const Taps& taps) {
            return header_of(hold(sources), taps, "unknown").layout;
          },
          nb::arg("sources"), nb::arg("taps"),
          nb::sig("def plan(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "taps: collections.abc.Mapping[str, str]) -> Layout"))
      .def_static(
          "begin",
          [](const std::vector<Source>& sources, const Taps& taps, const std::string& capture_mode,
             const pst::Srs& srs) {
            claim::Arrays held = hold(sources);
            const claim::Header header = header_of(held, taps, capture_mode);
            return TokenStream(std::move(held), header, srs);
          },
          nb::arg("sources"), nb::arg("taps"), nb::arg("capture_mode"), nb::arg("srs"),
          nb::sig("def begin(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "taps: collections.abc.Mapping[str, str], capture_mode: str, srs: Srs) -> TokenStream"))
      .def(
          "commit_until",
          [](TokenStream& stream, std::uint64_t end, unsigned threads) {
            without_gil([&] { stream.commit_until(end, threads); });
          },
          nb::arg("end"), nb::arg("threads"))
      .def("finish", &TokenStream::finish);
}

}  // namespace assay::python
