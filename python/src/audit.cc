// The recorder of an audit: what the hooks of a model hand their rows to.
#include "audit.h"

namespace assay::python {
namespace {

using audit::Recorder;
using audit::RecorderStatistics;

/// Run, first row, rows, first position.
using SpanTuple = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;

/// A wire with its element type, made once and used for every block of rows.
struct WireHandle {
  audit::Wire wire;
  audit::RowDtype dtype;
};

WireHandle make_wire(std::optional<std::uint32_t> block, const std::string& role, const std::string& dtype) {
  const std::optional<audit::RowDtype> known = audit::row_dtype_of(dtype);
  if (!known) throw Failure{{ErrorCode::kUnsupported, "dtype", "rows of '" + dtype + "' are not taken"}};
  return {{block.value_or(audit::Wire::kNoBlock), to_role(role)}, *known};
}

void bind_statistics(nb::module_& m) {
  nb::class_<RecorderStatistics>(m, "AuditStatistics")
      .def_ro("rows", &RecorderStatistics::rows)
      .def_ro("bytes", &RecorderStatistics::bytes)
      .def_ro("drops", &RecorderStatistics::drops)
      .def_ro("steps", &RecorderStatistics::steps)
      .def_ro("most_memory", &RecorderStatistics::most_memory)
      .def_ro("longest_lag_seconds", &RecorderStatistics::longest_lag_seconds)
      .def_ro("hashing_seconds", &RecorderStatistics::hashing_seconds)
      .def_ro("problem", &RecorderStatistics::problem);
}

void bind_recorder(nb::module_& m) {
  nb::class_<Placement>(m, "AuditPlacement")
      .def(
          "__init__",
          [](Placement* made, const std::vector<SpanTuple>& spans) {
            new (made) Placement();
            made->spans.reserve(spans.size());
            for (const auto& [run, first, rows, position] : spans)
              made->spans.push_back({run, first, rows, position});
          },
          nb::arg("spans"));
  nb::class_<WireHandle>(m, "AuditWire")
      .def(
          "__init__",
          [](WireHandle* made, std::optional<std::uint32_t> block, const std::string& role,
             const std::string& dtype) { new (made) WireHandle(make_wire(block, role, dtype)); },
          nb::arg("block").none(), nb::arg("role"), nb::arg("dtype"));
  nb::class_<Recorder>(m, "AuditRecorder")
      .def_static(
          "open",
          [](const std::string& folder, std::uint64_t memory_bytes, std::uint64_t disk_bytes,
             bool all_prompt_rows) {
            return unwrap(without_gil([&] {
              return Recorder::open({folder, memory_bytes, disk_bytes, all_prompt_rows});
            }));
          },
          nb::arg("folder"), nb::arg("memory_bytes"), nb::arg("disk_bytes"), nb::arg("all_prompt_rows"))
      .def(
          "begin_run",
          [](Recorder& r, const nb::bytes& request, const nb::bytes& nonce, const nb::bytes& manifest,
             const std::string& engine) {
            const audit::RunOptions options{to_digest(request, "request"), to_digest(nonce, "nonce"),
                                            to_digest(manifest, "manifest"), engine};
            return unwrap(without_gil([&] { return r.begin_run(options); }));
          },
          nb::arg("request"), nb::arg("nonce"), nb::arg("manifest"), nb::arg("engine"))
      .def(
          "record",
          [](Recorder& r, const WireHandle& wire, std::uint64_t address, std::uint64_t rows,
             std::uint64_t row_bytes, const Placement& placement) {
            without_gil([&] {
              // An address that Python's tensors say: no array protocol, which would cost as much as the
              // copy.
              r.record(wire.wire, wire.dtype, reinterpret_cast<const std::uint8_t*>(address), rows, row_bytes,
                       placement.spans);
            });
          },
          nb::arg("wire"), nb::arg("address"), nb::arg("rows"), nb::arg("row_bytes"), nb::arg("placement"))
      .def(
          "finish_step",
          [](Recorder& r, std::uint64_t run, std::uint32_t token) { r.finish_step(run, token); },
          nb::arg("run"), nb::arg("token"))
      .def(
          "drop_run", [](Recorder& r, std::uint64_t run) { r.drop_run(run); }, nb::arg("run"))
      .def(
          "finish_run",
          [](Recorder& r, std::uint64_t run, const std::string& signing_key) {
            return to_python(unwrap(without_gil([&] { return r.finish_run(run, signing_key); })).digest());
          },
          nb::arg("run"), nb::arg("signing_key"))
      .def(
          "folder_of", [](const Recorder& r, std::uint64_t run) { return unwrap(r.folder_of(run)).string(); },
          nb::arg("run"))
      .def("statistics", &Recorder::statistics);
}

void bind_choice(nb::module_& m) {
  nb::class_<audit::BlockChoice>(m, "AuditBlocks")
      .def(
          "__init__",
          [](audit::BlockChoice* made, const std::string& text) {
            new (made) audit::BlockChoice(unwrap(audit::BlockChoice::parse(text)));
          },
          nb::arg("text"))
      .def(
          "of", [](const audit::BlockChoice& c, std::uint32_t blocks) { return unwrap(c.of(blocks)); },
          nb::arg("blocks"))
      .def(
          "has",
          [](const audit::BlockChoice& c, std::optional<std::uint32_t> block, const std::string& role,
             std::uint32_t blocks) {
            return c.has({block.value_or(audit::Wire::kNoBlock), to_role(role)}, blocks);
          },
          nb::arg("block").none(), nb::arg("role"), nb::arg("blocks"));
}

}  // namespace

audit::Role to_role(const std::string& name) {
  const std::optional<audit::Role> role = audit::role_of(name);
  if (!role) throw Failure{{ErrorCode::kOutOfRange, "role", "there is no role '" + name + "'"}};
  return *role;
}

void bind_audit(nb::module_& m) {
  bind_statistics(m);
  bind_recorder(m);
  bind_choice(m);
  m.def(
      "audit_request_digest",
      [](const std::vector<std::uint32_t>& prompt_token_ids, const std::string& sampling) {
        return to_python(audit::request_digest(prompt_token_ids, sampling));
      },
      nb::arg("prompt_token_ids"), nb::arg("sampling"));
}

}  // namespace assay::python
