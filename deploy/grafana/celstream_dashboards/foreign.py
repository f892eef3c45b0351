"""Metrics that are not ours, with who exports them: what queries may name besides what the services declare."""

FOREIGN = {
    "up": "Prometheus",
    "process_resident_memory_bytes": "the Prometheus client of every service",
    "container_cpu_usage_seconds_total": "the kubelet (cAdvisor)",
    "kubelet_volume_stats_available_bytes": "the kubelet",
    "kubelet_volume_stats_capacity_bytes": "the kubelet",
    "minio_cluster_capacity_usable_free_bytes": "MinIO",
    "minio_cluster_capacity_usable_total_bytes": "MinIO",
    "nv_gpu_memory_total_bytes": "Triton, of GPUs",
    "nv_gpu_memory_used_bytes": "Triton, of GPUs",
    "nv_gpu_utilization": "Triton, of GPUs",
    "nv_inference_compute_infer_duration_us": "Triton",
    "nv_inference_count": "Triton",
    "nv_inference_exec_count": "Triton",
    "nv_inference_queue_duration_us": "Triton",
    "nv_inference_request_failure": "Triton",
    "nv_inference_request_success": "Triton",
}
