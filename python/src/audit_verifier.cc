// The verifier's side of an audit: its files, what it draws, and its verdict.
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "assay/audit_check.h"
#include "assay/audit_record.h"
#include "assay/weights_manifest.h"
#include "bindings.h"

namespace assay::python {
namespace {

using audit::Challenge;
using audit::Openings;
using audit::Record;
using audit::Reference;
using audit::Request;
using audit::SignedHead;

audit::RowDtype to_dtype(std::string_view name) {
  const std::optional<audit::RowDtype> dtype = audit::row_dtype_of(name);
  if (!dtype)
    throw Failure{{ErrorCode::kUnsupported, "dtype", "neither bfloat16, float16, float32 nor float64"}};
  return *dtype;
}

Digest root_of(const weights::Folder& folder, const std::optional<nb::bytes>& root) {
  if (root) return to_digest(*root, "root");
  return without_gil([&] { return unwrap(weights::Manifest::of(folder.tensors())).root(); });
}

void bind_head(nb::module_& m) {
  nb::class_<SignedHead> head(m, "AuditHead");
  bind_file<std::string_view>(head);
  head.def_prop_ro("digest", [](const SignedHead& h) { return to_python(h.head().digest()); })
      .def_prop_ro("run", [](const SignedHead& h) { return to_python(h.head().run); })
      .def_prop_ro("request", [](const SignedHead& h) { return to_python(h.head().request); })
      .def_prop_ro("nonce", [](const SignedHead& h) { return to_python(h.head().nonce); })
      .def_prop_ro("manifest", [](const SignedHead& h) { return to_python(h.head().manifest); })
      .def_prop_ro("engine", [](const SignedHead& h) { return h.head().engine; })
      .def_prop_ro("steps", [](const SignedHead& h) { return h.head().steps; })
      .def_prop_ro("rows", [](const SignedHead& h) { return h.head().rows; })
      .def_prop_ro("drops", [](const SignedHead& h) { return h.head().drops; });
}

void bind_request(nb::module_& m) {
  nb::class_<Request> request(m, "AuditRequest");
  request.def(
      "__init__",
      [](Request* made, const nb::bytes& nonce, std::vector<std::uint32_t> prompt_token_ids,
         std::vector<std::uint32_t> output_token_ids, std::string sampling) {
        Request given{to_digest(nonce, "nonce"), std::move(prompt_token_ids), std::move(output_token_ids),
                      std::move(sampling)};
        // What cannot be read again is not made.
        new (made) Request(unwrap(Request::decode(given.encode(), "request")));
      },
      nb::arg("nonce"), nb::arg("prompt_token_ids"), nb::arg("output_token_ids"), nb::arg("sampling"));
  bind_file<std::string_view>(request);
  bind_equality(request);
  request.def_prop_ro("digest", [](const Request& r) { return to_python(r.digest()); })
      .def_prop_ro("nonce", [](const Request& r) { return to_python(r.nonce); })
      .def_ro("prompt_token_ids", &Request::prompt_token_ids)
      .def_ro("output_token_ids", &Request::output_token_ids)
      .def_ro("sampling", &Request::sampling);
}

void bind_challenge(nb::module_& m) {
  nb::class_<Challenge> challenge(m, "AuditChallenge");
  bind_file<ByteSpan>(challenge);
  bind_equality(challenge);
  challenge.def_prop_ro("digest", [](const Challenge& c) { return to_python(c.digest()); })
      .def_prop_ro("head", [](const Challenge& c) { return to_python(c.head); })
      .def_ro("steps", &Challenge::steps)
      .def_prop_ro("attention", [](const Challenge& c) {
        std::vector<std::pair<std::uint64_t, std::uint32_t>> blocks;
        blocks.reserve(c.attention.size());
        for (const Challenge::Attention& one : c.attention) blocks.emplace_back(one.step, one.block);
        return blocks;
      });
}

void bind_openings(nb::module_& m) {
  nb::class_<Openings> openings(m, "AuditOpenings");
  openings
      .def_static(
          "decode",
          [](const nb::bytes& data, std::string_view place) {
            // Openings borrow their rows.
            const ByteSpan given = span_of(data);
            const auto owner = std::make_shared<const Bytes>(given.begin(), given.end());
            return unwrap_read(without_gil([&] { return Openings::decode(*owner, place, owner); }));
          },
          nb::arg("data"), nb::arg("place"))
      .def_static(
          "read",
          [](const std::string& path) {
            return unwrap_read(without_gil([&] { return Openings::read(path); }));
          },
          nb::arg("path"))
      .def("encode", [](const Openings& o) { return to_python(without_gil([&] { return o.encode(); })); })
      .def(
          "write",
          [](const Openings& o, const std::string& path) {
            unwrap(without_gil([&] { return o.write(path); }));
          },
          nb::arg("path"))
      .def_prop_ro("challenge", [](const Openings& o) { return to_python(o.challenge); })
      .def_prop_ro("steps",
                   [](const Openings& o) {
                     std::vector<std::uint64_t> steps;
                     steps.reserve(o.steps.size());
                     for (const Openings::OpenedStep& one : o.steps) steps.push_back(one.step.index);
                     return steps;
                   })
      .def_prop_ro("rows", [](const Openings& o) {
        std::size_t rows = 0;
        for (const Openings::OpenedStep& one : o.steps) rows += one.rows.size();
        return rows;
      });
  bind_equality(openings);
  m.def(
      "audit_open_run",
      [](const std::string& run, const Challenge& challenge) {
        return without_gil([&] {
          const audit::RunFolder folder = unwrap_read(audit::RunFolder::open(run));
          const auto bytes = std::make_shared<const Bytes>(unwrap(audit::open_run(folder, challenge)));
          return unwrap(Openings::decode(*bytes, "openings", bytes));
        });
      },
      nb::arg("run"), nb::arg("challenge"));
}

void bind_reference(nb::module_& m) {
  nb::class_<Reference>(m, "AuditReference")
      .def_static(
          "of_folder",
          [](const std::string& path, std::string_view dtype, const std::optional<nb::bytes>& root) {
            const weights::Folder folder = unwrap_read(weights::Folder::open(path));
            const Digest manifest = root_of(folder, root);
            return without_gil([&] { return unwrap(Reference::of(folder, to_dtype(dtype), manifest)); });
          },
          nb::arg("folder"), nb::arg("dtype"), nb::arg("root").none())
      .def_static(
          "of_key",
          [](const std::string& path) {
            return without_gil([&] { return unwrap_read(Reference::of_key_file(path)); });
          },
          nb::arg("path"))
      .def_prop_ro("attention_left_out", &Reference::attention_left_out);
  m.def(
      "audit_enroll",
      [](const std::string& path, std::string_view dtype, const std::optional<nb::bytes>& root,
         std::uint32_t vectors, std::uint32_t epochs, const std::string& out) {
        const weights::Folder folder = unwrap_read(weights::Folder::open(path));
        const Digest manifest = root_of(folder, root);
        return without_gil([&] {
          std::vector<std::string> paths;
          for (const audit::Key& key : unwrap(audit::Key::enroll(
                   folder, {to_dtype(dtype), vectors, epochs, manifest}, World::system()))) {
            paths.push_back(out + "." + std::to_string(key.epoch()));
            unwrap(key.write(paths.back()));
          }
          return paths;
        });
      },
      nb::arg("folder"), nb::arg("dtype"), nb::arg("root").none(), nb::arg("vectors"), nb::arg("epochs"),
      nb::arg("out"));
}

std::optional<Record> record_in(const std::optional<std::string>& folder) {
  if (!folder) return std::nullopt;
  return Record::open(*folder);
}

void bind_record(nb::module_& m) {
  m.def(
      "audit_draw",
      [](const SignedHead& head, const std::string& provider, const std::string& record, std::uint64_t tokens,
         double risk, double share, std::uint32_t attention_blocks, const audit::BlockChoice& blocks,
         const Reference* reference) {
        return without_gil([&] {
          const auto key = unwrap_read(audit::read_provider(provider));
          const Record::Drawing drawing{tokens, risk, share, attention_blocks, blocks};
          return unwrap(Record::open(record).draw(head, key, drawing, reference, World::system()));
        });
      },
      nb::arg("head"), nb::arg("provider"), nb::arg("record"), nb::arg("tokens"), nb::arg("risk"),
      nb::arg("share"), nb::arg("attention_blocks"), nb::arg("blocks"), nb::arg("reference").none());
  m.def("audit_miss_bound", &audit::miss_bound, nb::arg("share"), nb::arg("tokens"));
  m.def(
      "audit_tally",
      [](const std::string& record, const std::string& provider) {
        const Record::Tally tally = without_gil([&] {
          const auto key = unwrap_read(audit::read_provider(provider));
          return unwrap_read(Record::open(record).tally(audit::provider_id(key)));
        });
        return std::tuple(tally.accepted, tally.rejected, tally.inconclusive, tally.missing);
      },
      nb::arg("record"), nb::arg("provider"));
  m.def(
      "audit_check",
      [](const SignedHead& head, const Openings* openings, const std::string& provider,
         const Request& request, const Challenge& challenge, const Reference& reference,
         const std::optional<audit::Profile>& profile, double share, const audit::BlockChoice& blocks,
         const std::optional<std::string>& record) {
        return without_gil([&] {
          audit::Expectation expected;
          expected.provider = unwrap_read(audit::read_provider(provider));
          expected.request = request;
          expected.challenge = challenge;
          expected.cheat_share = share;
          expected.blocks = blocks;
          expected.profile = profile;
          unwrap(expected.set_tolerance(reference));
          const std::optional<Record> kept = record_in(record);
          return unwrap(kept ? kept->check(head, openings, expected, reference)
                             : audit::check(head, openings, expected, reference));
        });
      },
      nb::arg("head"), nb::arg("openings").none(), nb::arg("provider"), nb::arg("request"),
      nb::arg("challenge"), nb::arg("reference"), nb::arg("profile").none(), nb::arg("share"),
      nb::arg("blocks"), nb::arg("record").none());
}

}  // namespace

void bind_audit_verifier(nb::module_& m) {
  bind_head(m);
  bind_request(m);
  bind_challenge(m);
  bind_openings(m);
  bind_reference(m);
  bind_record(m);
}

}  // namespace assay::python
