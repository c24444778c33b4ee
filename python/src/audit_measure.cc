// What honest runs show of their rounding, and the profile that is made of it.
#include "assay/audit_measure.h"

#include "assay/audit_key.h"
#include "values.h"

namespace assay::python {
namespace {

using audit::Calibration;
using audit::Measured;
using audit::Reference;

audit::RowDtype to_dtype(const std::string& name) {
  const std::optional<audit::RowDtype> known = audit::row_dtype_of(name);
  if (!known) throw Failure{{ErrorCode::kUnsupported, "dtype", "no rows of '" + name + "' are known"}};
  return *known;
}

/// What the verifier's own runs are held against.
struct Measurer {
  Reference reference;
};

Measurer make_measurer(const std::string& folder, const std::string& dtype, const Digest& manifest,
                       std::uint32_t vectors) {
  const audit::RowDtype known = to_dtype(dtype);
  const weights::Folder opened = unwrap(weights::Folder::open(folder));
  if (vectors == 0) return {unwrap(Reference::of(opened, known, manifest))};
  const std::vector<audit::Key> keys =
      unwrap(audit::Key::enroll(opened, {known, vectors, 1, manifest}, World::system()));
  return {Reference::of(keys.front())};
}

Measured measure(const Measurer& measurer, const std::string& run, const std::string& request,
                 const std::vector<std::uint64_t>& steps,
                 const std::vector<std::pair<std::uint64_t, std::uint32_t>>& attention,
                 const std::optional<audit::Profile>& profile) {
  const Reference& reference = measurer.reference;
  const audit::Tolerance tolerance =
      profile ? unwrap(audit::Tolerance::of(*profile, reference)) : audit::Tolerance::of(reference.dtype());
  const audit::RunFolder opened = unwrap(audit::RunFolder::open(run));
  audit::Challenge challenge{opened.head().digest(), steps, {}};
  for (const auto& [step, block] : attention) challenge.attention.push_back({step, block});
  return unwrap(audit::measure(opened, unwrap(audit::Request::decode(request, "request")), challenge,
                               tolerance, measurer.reference));
}

/// The values of a list as float64, for numpy to read in place.
template <class List, class Get>
nb::bytes column(const List& list, const Get& get) {
  std::vector<double> values;
  values.reserve(list.size());
  for (const auto& one : list) values.push_back(static_cast<double>(get(one)));
  return nb::bytes(values.data(), values.size() * sizeof(double));
}

void bind_measured(nb::module_& m) {
  nb::class_<Measured>(m, "AuditMeasured")
      .def_ro("outcome", &Measured::outcome)
      .def_prop_ro("product_ops",
                   [](const Measured& r) { return column(r.products, [](const auto& p) { return p.op; }); })
      .def_prop_ro(
          "product_recomputed",
          [](const Measured& r) { return column(r.products, [](const auto& p) { return p.recomputed; }); })
      .def_prop_ro(
          "product_variance",
          [](const Measured& r) { return column(r.products, [](const auto& p) { return p.variance; }); })
      .def_prop_ro("product_differing",
                   [](const Measured& r) {
                     return column(r.products, [](const auto& p) { return p.differing_share; });
                   })
      .def_prop_ro(
          "product_worst",
          [](const Measured& r) { return column(r.products, [](const auto& p) { return p.worst; }); })
      .def_prop_ro("residuals",
                   [](const Measured& r) { return column(r.residuals, [](float one) { return one; }); })
      .def_prop_ro(
          "chain_differing",
          [](const Measured& r) { return column(r.chain, [](const auto& c) { return c.differing_share; }); })
      .def_prop_ro("chain_worst",
                   [](const Measured& r) { return column(r.chain, [](const auto& c) { return c.worst; }); })
      .def_prop_ro("attention", [](const Measured& r) { return r.attention; });
  nb::class_<Measurer>(m, "AuditMeasurer")
      .def(
          "__init__",
          [](Measurer* made, const std::string& folder, const std::string& dtype, const nb::bytes& manifest,
             std::uint32_t vectors) {
            const Digest root = to_digest(manifest, "manifest");
            new (made) Measurer(without_gil([&] { return make_measurer(folder, dtype, root, vectors); }));
          },
          nb::arg("folder"), nb::arg("dtype"), nb::arg("manifest"), nb::arg("vectors"))
      .def_prop_ro("layers",
                   [](const Measurer& self) {
                     std::vector<std::string> names;
                     for (const audit::Op& op : self.reference.ops()) names.push_back(op.output.to_string());
                     return names;
                   })
      .def(
          "measure",
          [](const Measurer& self, const std::string& run, const std::string& request,
             const std::vector<std::uint64_t>& steps,
             const std::vector<std::pair<std::uint64_t, std::uint32_t>>& attention,
             const std::optional<audit::Profile>& profile) {
            return without_gil([&] { return measure(self, run, request, steps, attention, profile); });
          },
          nb::arg("run"), nb::arg("request"), nb::arg("steps"), nb::arg("attention"),
          nb::arg("profile").none());
}

void bind_audit_profile(nb::module_& m) {
  nb::class_<audit::Profile> profile(m, "AuditProfile");
  bind_profile_value(profile);
  profile
      .def_static(
          "read", [](const std::string& path) { return unwrap_read(audit::Profile::read(path)); },
          nb::arg("path"))
      .def(
          "write", [](const audit::Profile& self, const std::string& path) { unwrap(self.write(path)); },
          nb::arg("path"))
      .def("to_json", &audit::Profile::to_json)
      .def_prop_ro("title", &audit::Profile::title)
      .def_prop_ro("name", [](const audit::Profile& self) { return self.name; })
      .def_prop_ro("model", [](const audit::Profile& self) { return self.conditions.model; })
      .def_prop_ro("dtype", [](const audit::Profile& self) { return self.conditions.dtype; })
      .def_prop_ro("device", [](const audit::Profile& self) { return self.device; })
      .def_prop_ro("kernel", [](const audit::Profile& self) { return self.conditions.kernel; })
      .def_prop_ro("variance_factor", [](const audit::Profile& self) { return self.variance_factor; })
      .def_prop_ro("differing_share", [](const audit::Profile& self) { return self.differing_share; })
      .def_prop_ro("attention_error", [](const audit::Profile& self) { return self.attention_error; })
      .def_prop_ro("false_alarm_bound", [](const audit::Profile& self) { return self.false_alarm_bound; })
      .def_prop_ro("honest_runs", [](const audit::Profile& self) { return self.honest_runs; });
}

void bind_calibration(nb::module_& m) {
  nb::class_<Calibration>(m, "AuditCalibration")
      .def(
          "__init__",
          [](Calibration* made, const std::string& dtype) { new (made) Calibration(to_dtype(dtype)); },
          nb::arg("dtype"))
      .def("add", &Calibration::add, nb::arg("measured"))
      .def(
          "profile",
          [](const Calibration& self, double margin, const std::string& name, const std::string& model,
             const std::string& device, const std::string& kernel, std::optional<double> false_alarm_bound,
             std::uint64_t honest_runs) {
            audit::Profile made = unwrap(self.profile(margin));
            made.name = name;
            made.conditions.model = model;
            made.conditions.kernel = kernel;
            made.device = device;
            made.false_alarm_bound = false_alarm_bound;
            made.honest_runs = honest_runs;
            unwrap(made.validate());
            return made;
          },
          nb::arg("margin"), nb::arg("name"), nb::arg("model"), nb::arg("device"), nb::arg("kernel"),
          nb::arg("false_alarm_bound").none(), nb::arg("honest_runs"));
}

}  // namespace

void bind_audit_measure(nb::module_& m) {
  bind_measured(m);
  bind_audit_profile(m);
  bind_calibration(m);
}

}  // namespace assay::python
