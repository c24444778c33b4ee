// Commitments made while the arrays that hold the values still fill up.
#include <algorithm>
#ifdef __linux__
#include <sched.h>
#endif

#include <future>
#include <map>
#include <optional>
#include <string>

#include "assay/claim_log.h"
#include "bindings.h"

namespace assay::python {
namespace {

using Taps = std::map<std::string, std::string>;

claim::SubjectOptions options_of(const Taps& taps, const std::string& mode) {
  claim::SubjectOptions options;
  options.encoding = encode::Encoding{encode::Encoding::Kind::kBits, 0};
  options.layout = encode::Layout::Kind::kModel;
  options.capture_mode = read_capture_mode(mode);
  options.taps = claim::Taps(taps.begin(), taps.end());
  return options;
}

/// Arrays (1, tokens, H), one for each layer, as the values of a header of the layout "model": of all tokens,
/// or where `block` is not 0 of the first block of so many.
claim::Header header_of(const claim::Arrays& arrays, const Taps& taps, const std::string& mode,
                        std::uint64_t block) {
  const claim::SubjectOptions options = options_of(taps, mode);
  if (block > 0) return unwrap(claim::plan_block(arrays, options, block, 0, "layers"));
  return unwrap(claim::plan_subject(arrays, options, "layers"));
}

std::uint64_t tokens_of(const claim::Arrays& arrays) {
  const tensor::Shape& shape = arrays.views.at(0).shape;
  return shape[shape.size() - 2];
}

/// Runs `work` on a thread that has a processor only where no other thread wants one, and waits for it. The
/// waiting thread keeps its own priority: next it takes Python's lock, and were it kept from running while it
/// has that, all threads of Python would wait for every other program.
template <class Work>
void when_idle(const Work& work) {
  std::async(std::launch::async, [&] {
#ifdef __linux__
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_IDLE, &none);  // a thread that may not goes on as it is
#endif
    work();
  }).get();
}

/// Arrays that somebody else fills, token after token, and the stream of what is in them already.
class TokenStream {
 public:
  TokenStream(claim::Arrays held, const claim::Header& header, const pst::Srs& srs, bool in_blocks)
      : held_(std::move(held)), tokens_(tokens_of(held_)) {
    if (in_blocks)
      blocks_ = unwrap(claim::BlockStream::begin(srs, header));
    else
      stream_ = unwrap(claim::TokenStream::begin(srs, header));
  }

  /// Commits to the tokens up to `end`, which nobody writes to any more.
  void commit_until(std::uint64_t end, unsigned threads) {
    if (end < done_ || end > tokens_)
      throw Failure{{ErrorCode::kOutOfRange, "tokens",
                     std::to_string(end) + " is not between " + std::to_string(done_) + " and " +
                         std::to_string(tokens_)}};
    if (end == done_) return;
    std::vector<tensor::TensorView> views;
    for (tensor::TensorView view : held_.views) {
      const std::size_t row = view.bytes.size() / tokens_;
      view.bytes = view.bytes.subspan(done_ * row, (end - done_) * row);
      view.shape[view.shape.size() - 2] = end - done_;
      views.push_back(std::move(view));
    }
    const ThreadLimitScope limit(threads);
    unwrap(blocks_ ? blocks_->add(views) : stream_->add(views));
    done_ = end;
  }

  void end_with_zeros() { stream_.value().end_with_zeros(); }

  [[nodiscard]] claim::Commitment finish() const { return unwrap(stream_.value().finish()); }

  /// The blocks that are whole; with `end`, the last one too.
  [[nodiscard]] std::vector<claim::Commitment> take_blocks(bool end) {
    if (end) unwrap(blocks_.value().end_turn());
    return blocks_.value().take();
  }

 private:
  claim::Arrays held_;
  std::uint64_t tokens_, done_ = 0;
  std::optional<claim::TokenStream> stream_;  // one of the two
  std::optional<claim::BlockStream> blocks_;
};

/// The values of a block, out of the arrays of the whole run, to open it with.
claim::Subject subject_of_block(const claim::Commitment& block, const std::vector<Source>& sources,
                                const Taps& taps, std::uint64_t first) {
  const claim::Arrays arrays = hold(sources);
  return without_gil([&] {
    const claim::Arrays own = unwrap(claim::arrays_of_block(arrays, block.header, "layers", first));
    const claim::Captured captured =
        unwrap(claim::captured_like(block.header, own, claim::Taps(taps.begin(), taps.end()), "layers"));
    if (!captured.fault.empty()) throw Failure{{ErrorCode::kMismatch, "layers", captured.fault}};
    return claim::Subject{block.header, unwrap(captured.laid_out(block.header.layout))};
  });
}

std::vector<claim::Commitment> commit_blocks(const std::vector<Source>& sources, const Taps& taps,
                                             const std::string& mode, const pst::Srs& srs,
                                             std::uint64_t tokens, std::uint64_t first_token) {
  const claim::Arrays arrays = hold(sources);
  const claim::Header header =
      unwrap(claim::plan_block(arrays, options_of(taps, mode), tokens, first_token, "layers"));
  return without_gil([&] {
    claim::BlockStream stream = unwrap(claim::BlockStream::begin(srs, header));
    unwrap(stream.add(arrays.views));
    unwrap(stream.end_turn());
    return stream.take();
  });
}

void bind_log(nb::module_& m) {
  nb::class_<claim::LogHead> head(m, "LogHead");
  bind_file<ByteSpan>(head);
  head.def_prop_ro("count", [](const claim::LogHead& h) { return h.count; })
      .def_prop_ro("tokens", [](const claim::LogHead& h) { return h.tokens; })
      .def_prop_ro("root", [](const claim::LogHead& h) { return to_python(h.root); });

  nb::class_<claim::LogProof> proof(m, "LogProof");
  bind_file<ByteSpan>(proof);
  proof.def_prop_ro("index", [](const claim::LogProof& p) { return p.index; })
      .def_prop_ro("head", [](const claim::LogProof& p) { return p.head; })
      .def(
          "verify",
          [](const claim::LogProof& p, const claim::Commitment& block, const claim::LogHead* kept) {
            return without_gil([&] { return claim::verify_log(block, p, kept); });
          },
          nb::arg("block"), nb::arg("kept").none());

  nb::class_<claim::Log> log(m, "Log");
  bind_file<ByteSpan>(log);
  log.def(nb::init<>())
      .def("__len__", [](const claim::Log& l) { return l.size(); })
      .def(
          "append", [](claim::Log& l, const claim::Commitment& block) { unwrap(l.append(block)); },
          nb::arg("block"))
      .def("head", [](const claim::Log& l) { return unwrap(l.head()); })
      .def(
          "prove",
          [](const claim::Log& l, std::uint64_t index, std::uint64_t old_count) {
            return unwrap(without_gil([&] { return l.prove(index, old_count); }));
          },
          nb::arg("index"), nb::arg("old_count"));
  m.def("commit_blocks", &commit_blocks, nb::arg("sources"), nb::arg("taps"), nb::arg("capture_mode"),
        nb::arg("srs"), nb::arg("tokens"), nb::arg("first_token"),
        nb::sig("def commit_blocks(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                "taps: collections.abc.Mapping[str, str], capture_mode: str, srs: Srs, tokens: int, "
                "first_token: int) -> list[Commitment]"));
  m.def("subject_of_block", &subject_of_block, nb::arg("block"), nb::arg("sources"), nb::arg("taps"),
        nb::arg("first"),
        nb::sig("def subject_of_block(block: Commitment, "
                "sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                "taps: collections.abc.Mapping[str, str], first: int) -> Tensor"));
}

}  // namespace

void bind_stream(nb::module_& m) {
  nb::class_<TokenStream>(m, "TokenStream")
      .def_static(
          "plan",
          [](const std::vector<Source>& sources, const Taps& taps, std::uint64_t block) {
            return header_of(hold(sources), taps, "unknown", block).layout;
          },
          nb::arg("sources"), nb::arg("taps"), nb::arg("block"),
          nb::sig("def plan(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "taps: collections.abc.Mapping[str, str], block: int) -> Layout"))
      .def_static(
          "begin",
          [](const std::vector<Source>& sources, const Taps& taps, const std::string& capture_mode,
             const pst::Srs& srs, std::uint64_t block) {
            claim::Arrays held = hold(sources);
            const claim::Header header = header_of(held, taps, capture_mode, block);
            return TokenStream(std::move(held), header, srs, block > 0);
          },
          nb::arg("sources"), nb::arg("taps"), nb::arg("capture_mode"), nb::arg("srs"), nb::arg("block"),
          nb::sig("def begin(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "taps: collections.abc.Mapping[str, str], capture_mode: str, srs: Srs, block: int) -> "
                  "TokenStream"))
      .def(
          "commit_until",
          [](TokenStream& stream, std::uint64_t end, unsigned threads, bool idle) {
            const auto commit = [&] { stream.commit_until(end, threads); };
            without_gil([&] { idle ? when_idle(commit) : commit(); });
          },
          nb::arg("end"), nb::arg("threads"), nb::arg("when_idle"))
      .def("end_with_zeros", &TokenStream::end_with_zeros)
      .def("finish", &TokenStream::finish)
      .def("take_blocks", &TokenStream::take_blocks, nb::arg("end"));
  bind_log(m);
}

}  // namespace assay::python
