// Storage and vault reached over private endpoints, for networks whose policy denies public access. Three ways of DNS:
// zones made here, records that somebody else makes, or zones that exist.

@description('Region: the subnet\'s.')
param location string

@description('Tags.')
param tags object

@description('Subnet for the endpoints.')
param endpointSubnetId string

@description('own: zones are made and linked to virtualNetworkId. policy: somebody else makes the records. existing: they are made in dnsZoneIds.')
@allowed([
  'own'
  'policy'
  'existing'
])
param privateDns string

@description('The network that own zones are linked to.')
param virtualNetworkId string

@description('Ids of existing zones for blob, table and vault, in this order, and with withQueue for queue.')
param dnsZoneIds array

@description('Queues are reached, too.')
param withQueue bool

@description('The storage account.')
param storageId string

@description('The vault.')
param vaultId string

var zoneNames = concat([
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
  'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
], withQueue ? [
  'privatelink.queue.${environment().suffixes.storage}'
] : [])

module zones 'private-zones.bicep' = {
  name: 'private-zones'
  params: {
    names: privateDns == 'own' ? zoneNames : []
    virtualNetworkId: virtualNetworkId
    tags: tags
  }
}

module endpoints 'private-endpoints.bicep' = {
  name: 'private-endpoints'
  params: {
    location: location
    tags: tags
    subnetId: endpointSubnetId
    targets: concat([
      {
        name: 'blob'
        id: storageId
      }
      {
        name: 'table'
        id: storageId
      }
      {
        name: 'vault'
        id: vaultId
      }
    ], withQueue ? [
      {
        name: 'queue'
        id: storageId
      }
    ] : [])
    zoneIds: privateDns == 'existing' ? dnsZoneIds : zones.outputs.ids
  }
}
